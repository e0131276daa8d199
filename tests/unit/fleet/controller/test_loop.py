"""The controller installs each machine once, whatever happens to it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edgeadm.apps import fleet as names
from edgeadm.errors import UnreachableError
from edgeadm.fleet.facts import Membership
from edgeadm.hosts.ssh.errors import ConnectTimeoutError
from tests.fake_controller import CANARY, Site, node, token_ids
from tests.fake_fleet import TOKEN_SECRET, Far, PowerCutError

A, B = "172.21.3.194", "172.21.3.195"
ADD: dict[str, Any] = {
    "nodeNamePrefix": "edge",
    "targetMachines": [A, B],
    "sshCredential": "login-secret",
}
REINSTALL: dict[str, Any] = {"nodeNamesOverride": {"edge-1mokvl": A}, "sshCredential": "login-secret"}


def member(name: str) -> Membership:
    return Membership(name, "sha256:ca", active=True, complete=True)


def nodes(site: Site) -> dict[str, str]:
    """The label of the task on each Node."""
    found = site.store.list_objects("v1", "Node")
    return {each["metadata"]["name"]: each["metadata"]["labels"].get(names.NODE_LABEL, "") for each in found}


def test_the_names_are_stored_before_anything_is_done(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD)
    site.controller().step()
    assert site.dialer.dials == []
    assert site.writes == ["status NodeTask/nodes"]
    status = site.status()
    assert status["nodetaskStatus"] == "creating"
    assert sorted(status["nodeStatus"].values()) == [A, B]
    assert all(name.startswith("edge-") and len(name) == 11 for name in status["nodeStatus"])
    assert status["nodeLabel"].startswith("nodes-")


def test_a_batch_is_added(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD)
    site.rounds(site.controller())
    status = site.status()
    assert (status["nodetaskStatus"], status["nodeStatus"], status["ready"]) == ("ready", {}, 2)
    assert nodes(site) == {each["name"]: status["nodeLabel"] for each in status["machines"]}
    assert [far.joins for far in site.far.values()] == [1, 1]
    assert token_ids(site.store) == []
    assert "token" not in str(status["machines"])
    complete = next(each for each in status["conditions"] if each["type"] == "Complete")
    assert complete["status"] == "True"


def test_a_finished_task_costs_no_connection_and_no_write(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD)
    site.rounds(site.controller())
    dials, writes = len(site.dialer.dials), len(site.writes)
    site.rounds(site.controller())
    assert (len(site.dialer.dials), len(site.writes)) == (dials, writes)


def test_an_address_that_is_added_to_the_task_leaves_the_others_alone(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD | {"targetMachines": [A]})
    site.rounds(site.controller())
    before = nodes(site)
    site.task(**ADD)
    site.rounds(site.controller())
    assert before.items() <= nodes(site).items()
    assert [far.joins for far in site.far.values()] == [1, 1]


@pytest.mark.parametrize("spec", [ADD, REINSTALL], ids=["add", "reinstall"])
def test_killed_before_any_write_no_machine_is_joined_twice_and_none_is_forgotten(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    def world(cut: int) -> Site:
        folder = tmp_path / str(cut)
        folder.mkdir()
        site = Site(folder, cut=cut)
        site.far[A] = Far(member("edge-1mokvl") if spec is REINSTALL else None)
        if spec is REINSTALL:
            site.store.objects["v1", "Node", "", "edge-1mokvl"] = node("edge-1mokvl", "nodes-lokbfd")
        site.task(**spec)
        return site

    whole = world(0)
    whole.rounds(whole.controller())
    total = len(whole.writes)
    assert total > 5
    for cut in range(1, total + 1):
        site = world(cut)
        with suppress(PowerCutError):  # the engine handles a death within a step as an error of the step
            site.rounds(site.controller())
        assert site.dialer.dead, cut
        names_then = {each["name"] for each in site.status().get("machines") or ()}
        site.cut = 0
        site.rounds(site.controller())
        status = site.status()
        assert status["nodetaskStatus"] == "ready", (cut, status)
        assert {each["name"] for each in status["machines"]} >= names_then
        assert [far.joins for far in site.far.values()] == [1] * len(site.far), cut
        assert token_ids(site.store) == [], cut
        assert set(nodes(site)) == {each["name"] for each in status["machines"]}


def test_a_reinstalled_machine_gets_a_new_label(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.far[A] = Far(member("edge-1mokvl"))
    site.store.objects["v1", "Node", "", "edge-1mokvl"] = node("edge-1mokvl", "nodes-lokbfd")
    site.task(**REINSTALL)
    site.rounds(site.controller())
    label = site.status()["nodeLabel"]
    assert label != "nodes-lokbfd"
    assert nodes(site) == {"edge-1mokvl": label}
    assert (site.far[A].resets, site.far[A].joins) == (1, 1)
    site.rounds(site.controller())
    assert (site.far[A].resets, site.far[A].joins) == (1, 1)


@pytest.mark.parametrize("step", ["dial", "load"])
def test_a_reinstallation_that_fails_leaves_the_node(step: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    lost = [ConnectTimeoutError("no answer") for _ in range(99)]
    site.far[A] = Far(member("edge-1mokvl"), faults={step: list(lost)})
    site.store.objects["v1", "Node", "", "edge-1mokvl"] = node("edge-1mokvl", "nodes-lokbfd")
    site.task(**REINSTALL)
    site.rounds(site.controller(), 3)
    assert nodes(site) == {"edge-1mokvl": "nodes-lokbfd"}
    assert site.far[A].resets == 0
    machine = site.state(A)
    assert (machine["state"], machine["code"]) == ("waiting", ConnectTimeoutError.code)
    assert site.status()["waiting"] == 1
    # When the machine answers again, the task continues by itself.
    site.far[A].faults.clear()
    site.rounds(site.controller())
    assert site.status()["nodetaskStatus"] == "ready"


def test_a_seed_task_in_place_of_a_finished_one_reinstalls(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD)
    site.rounds(site.controller())
    name, label = site.state(A)["name"], site.status()["nodeLabel"]
    site.task(**REINSTALL | {"nodeNamesOverride": {name: A}})
    site.rounds(site.controller())
    assert site.status()["nodeLabel"] != label
    assert nodes(site)[name] == site.status()["nodeLabel"]
    assert site.far[A].resets == 1


def test_the_older_of_two_tasks_with_one_machine_installs_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.far[A] = Far(faults={"dial": [ConnectTimeoutError("no answer") for _ in range(6)]})
    site.task("first", **ADD)
    site.task("second", **REINSTALL)
    loop = site.controller()
    site.rounds(loop, 3)
    assert site.state(A, "second")["code"] == "fleet-claimed"
    assert site.far[A].resets == 0
    assert site.state(B, "first")["state"] == "ready"


def test_an_invalid_task_is_reported_and_can_be_corrected(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD | {"targetMachine": [A]})
    loop = site.controller()
    site.rounds(loop, 2)
    status = site.status()
    assert "nodetaskStatus" not in status
    (accepted,) = status["conditions"]
    assert accepted["status"] == "False"
    assert "did you mean `targetMachines`?" in accepted["message"]
    assert site.dialer.dials == []
    site.task(**ADD)
    site.rounds(loop)
    assert site.status()["nodetaskStatus"] == "ready"


def test_a_missing_secret_is_reported_and_the_task_continues_when_it_exists(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD | {"sshCredential": "later"})
    loop = site.controller()
    site.rounds(loop, 3)
    progressing = next(each for each in site.status()["conditions"] if each["type"] == "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "FleetCredential")
    site.put_secret("later", passwd=CANARY)
    site.rounds(loop)
    assert site.status()["nodetaskStatus"] == "ready"


def test_an_api_server_that_is_away_ends_the_round_only(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD)
    loop = site.controller()
    loop.step()
    site.store.down = True
    with pytest.raises(UnreachableError):
        loop.step()
    site.store.down = False
    site.rounds(loop)
    assert site.status()["nodetaskStatus"] == "ready"
    assert [far.joins for far in site.far.values()] == [1, 1]


def test_a_replica_that_is_not_the_leader_writes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, leader=False)
    site.task(**ADD)
    site.rounds(site.controller())
    assert (site.writes, site.dialer.dials) == ([], [])


def test_no_secret_is_in_any_object_that_is_not_a_secret(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.far[A] = Far(faults={"join": [ConnectTimeoutError(f"{CANARY} was rejected") for _ in range(3)]})
    site.task(**ADD)
    site.rounds(site.controller())
    events = [key for key in site.store.objects if key[1] == "Event"]
    assert events
    for text in site.everything():
        assert CANARY not in text
        assert TOKEN_SECRET not in text
        assert "token-secret" not in text


def test_a_deleted_task_stops(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**ADD)
    loop = site.controller()
    loop.step()
    del site.store.objects[names.API, names.KIND, "", "nodes"]
    site.rounds(loop, 2)
    assert site.dialer.dials == []
