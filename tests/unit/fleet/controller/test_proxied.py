"""Jobs on proxy nodes: their objects, their requests, and their results, which a node could have written."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from edgeadm.clock import Clock
from edgeadm.cluster.fake import FakeStore
from edgeadm.fleet.controller.build import Connection
from edgeadm.fleet.controller.direct import Listener
from edgeadm.fleet.controller.document import RESULTS, TASK, JobDocument, Results
from edgeadm.fleet.controller.job import TOKENS
from edgeadm.fleet.controller.job_run import JobAdmission, Outbox
from edgeadm.fleet.controller.runner import Told
from edgeadm.fleet.model import Machine
from edgeadm.fleet.states import State
from edgeadm.hosts.ssh.target import Login, Target
from tests.fake_controller import CANARY, Site, node, token_ids

A, B = "172.21.3.194", "172.21.3.195"
SPEC: dict[str, Any] = {
    "nodeNamePrefix": "edge",
    "targetMachines": [A, B],
    "sshCredential": "login-secret",
    "proxyNode": "gate",
}


def started(folder: Path, **more: Any) -> tuple[Site, Any, str]:
    """A site whose Job was created, its controller, and the name of the Job."""
    site = Site(folder)
    site.store.objects["v1", "Node", "", "gate"] = node("gate")
    site.task(**SPEC | more)
    loop = site.controller()
    site.rounds(loop, 2, seconds=1)
    return site, loop, site.status()["run"]


def tell(site: Site, run: str, results: Results | str) -> None:
    """The Job writes its results."""
    text = results if isinstance(results, str) else results.text()
    site.store.objects["v1", "ConfigMap", "edge-system", run]["data"][RESULTS] = text


def tokens(site: Site, run: str) -> dict[str, Any]:
    """The file of tokens that the Job sees."""
    data = site.store.objects["v1", "Secret", "edge-system", run]["data"]
    found: dict[str, Any] = json.loads(base64.b64decode(data[TOKENS]))
    return found


def end(site: Site, run: str) -> None:
    """The Job has ended."""
    condition = {"type": "Complete", "status": "True"}
    site.store.objects["batch/v1", "Job", "edge-system", run]["status"] = {"conditions": [condition]}


def test_the_document_of_a_job_contains_no_secret(tmp_path: Path) -> None:
    site, _, run = started(tmp_path)
    data = site.store.objects["v1", "ConfigMap", "edge-system", run]["data"]
    document = JobDocument.parse(data[TASK])
    assert {each.address for each in document.machines} == {A, B}
    job = site.store.objects["batch/v1", "Job", "edge-system", run]
    assert job["spec"]["template"]["spec"]["nodeName"] == "gate"
    assert job["metadata"]["ownerReferences"][0]["kind"] == "NodeTask"
    assert CANARY not in "".join(site.everything())
    assert site.dialer.dials == []


def test_one_job_runs_for_a_task(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    writes = len(site.writes)
    site.rounds(loop, 3)
    site.rounds(site.controller(), 3)
    assert [each for each in site.writes[writes:] if "Job" in each] == []
    assert ("batch/v1", "Job", "edge-system", run) in site.store.objects


def test_the_former_node_of_a_reinstalled_machine_is_deleted(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.store.objects["v1", "Node", "", "gate"] = node("gate")
    site.task(nodeNamesOverride={"edge-9": A}, sshCredential="login-secret", proxyNode="gate")
    loop = site.controller()
    site.rounds(loop, 2, seconds=1)
    run = site.status()["run"]
    for name, address in (("old", A), ("other", B)):
        status = {"addresses": [{"type": "InternalIP", "address": address}]}
        site.store.objects["v1", "Node", "", name] = {**node(name), "status": status}
    for former in ("other", "../old", "gate", "old"):
        tell(site, run, Results({}, formers={"edge-9": former}))
        site.rounds(loop, 1)
    left = {key[3] for key in site.store.objects if key[1] == "Node"}
    assert left == {"gate", "other"}


def pod(run: str, **status: Any) -> dict[str, Any]:
    """The Pod of a Job."""
    return {"metadata": {"name": f"{run}-x", "labels": {"job-name": run}}, "status": status}


def progressing(site: Site) -> dict[str, Any]:
    """The condition of the task."""
    every: list[dict[str, Any]] = site.status()["conditions"]
    return next(each for each in every if each["type"] == "Progressing")


def waiting(reason: str) -> dict[str, Any]:
    """The status of a Pod whose container waits."""
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": "it says so"}}}]}


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no CPU"}


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (waiting("ImagePullBackOff"), "ImagePullBackOff", "does not have the image image:v1"),
        (waiting("ErrImageNeverPull"), "ErrImageNeverPull", "images import"),
        (waiting("CreateContainerError"), "CreateContainerError", "describe pod"),
        ({"conditions": [UNSCHEDULED]}, "Unschedulable", "no CPU"),
    ],
)
def test_a_pod_that_does_not_start_is_told(
    state: dict[str, Any], reason: str, words: str, tmp_path: Path
) -> None:
    site, loop, run = started(tmp_path)
    site.store.objects["v1", "Pod", "edge-system", "pod"] = pod(run, **state)
    site.rounds(loop, 3)
    found = progressing(site)
    assert (found["status"], found["reason"]) == ("False", reason)
    assert words in found["message"]
    events = [each for key, each in site.store.objects.items() if key[1] == "Event"]
    (event,) = [each for each in events if each["reason"] == "Blocked"]
    assert (event["type"], event["message"]) == ("Warning", found["message"])
    site.store.objects["v1", "Pod", "edge-system", "pod"] = pod(run, phase="Running")
    site.rounds(loop, 2)
    assert progressing(site)["status"] == "True"


def test_a_proxy_node_that_is_not_ready_is_told(tmp_path: Path) -> None:
    site, loop, _ = started(tmp_path)
    site.rounds(loop, 1)
    assert progressing(site)["status"] == "True"
    away = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    site.store.objects["v1", "Node", "", "gate"] = {**node("gate"), "status": away}
    site.rounds(loop, 1)
    assert progressing(site)["reason"] == "ProxyNodeNotReady"
    del site.store.objects["v1", "Node", "", "gate"]
    site.rounds(loop, 1)
    assert progressing(site)["reason"] == "ProxyNodeMissing"


def test_a_container_that_is_being_created_is_no_trouble(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    site.store.objects["v1", "Pod", "edge-system", "pod"] = pod(run, **waiting("ContainerCreating"))
    site.rounds(loop, 2)
    assert progressing(site)["status"] == "True"


def test_a_machine_gets_a_token_when_it_needs_one_and_loses_it_when_it_has_joined(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    name = site.state(A)["name"]
    assert token_ids(site.store) == []
    tell(site, run, Results({name: Told(State.LOADED)}, wants={name: "word"}))
    site.rounds(loop, 2)
    (token,) = token_ids(site.store)
    assert tokens(site, run)[name]["word"] == "word"
    assert tokens(site, run)[name]["token"].startswith(token)
    assert site.state(A)["token"] == token
    tell(site, run, Results({name: Told(State.JOINED)}))
    site.rounds(loop, 2)
    assert token_ids(site.store) == []
    assert "token" not in site.state(A)


def test_a_request_that_is_repeated_replaces_the_token(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    name = site.state(A)["name"]
    found = []
    for word in ("one", "two"):
        tell(site, run, Results({name: Told(State.LOADED)}, wants={name: word}))
        site.rounds(loop, 2)
        found += token_ids(site.store)
    assert len(found) == len(set(found)) == 2


def test_a_job_that_ends_leaves_neither_tokens_nor_credentials(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    name = site.state(A)["name"]
    tell(site, run, Results({name: Told(State.JOINING)}, wants={name: "word"}))
    site.rounds(loop, 1, seconds=0)
    end(site, run)
    site.rounds(loop, 1, seconds=0)
    assert token_ids(site.store) == []
    assert ("v1", "Secret", "edge-system", run) not in site.store.objects
    assert site.state(A)["state"] == "waiting"


def test_the_next_job_installs_only_the_machines_that_are_left(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    name = site.state(A)["name"]
    site.store.objects["v1", "Node", "", name] = node(name, site.status()["nodeLabel"])
    tell(site, run, Results({name: Told(State.READY), site.state(B)["name"]: Told(State.FAILED, "x", "y")}))
    end(site, run)
    site.rounds(loop, 3)
    data = site.store.objects["v1", "ConfigMap", "edge-system", run]["data"]
    assert [each.address for each in JobDocument.parse(data[TASK]).machines] == [B]
    assert site.state(A)["state"] == "ready"


def test_a_job_deletes_the_nodes_of_its_machines_only(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    name = site.state(A)["name"]
    for each in (name, "other"):
        site.store.objects["v1", "Node", "", each] = node(each)
    tell(site, run, Results({}, deletes=(name, "other", "gate")))
    site.rounds(loop, 1)
    found = {each["metadata"]["name"] for each in site.store.list_objects("v1", "Node")}
    assert found == {"other", "gate"}


def test_results_of_a_hostile_node_are_ignored(tmp_path: Path) -> None:
    site, loop, run = started(tmp_path)
    for text in ("", "[]", "{", '{"states": 5}', '{"states": {"x": {"state": "ready"}}}', '{"wants": ["a"]}'):
        tell(site, run, text)
        site.rounds(loop, 1)
    assert {each["state"] for each in site.status()["machines"]} == {"known"}
    name = site.state(A)["name"]
    tell(site, run, json.dumps({"states": {name: {"state": "failed", "message": CANARY + "x" * 5000}}}))
    site.rounds(loop, 1)
    assert len(site.state(A)["message"]) <= 1024
    assert CANARY not in "".join(site.everything()).replace(
        site.store.objects["v1", "ConfigMap", "edge-system", run]["data"][RESULTS], ""
    )


def test_a_proxy_node_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.task(**SPEC)
    site.rounds(site.controller(), 3)
    progressing = next(each for each in site.status()["conditions"] if each["type"] == "Progressing")
    assert progressing["reason"] == "FleetProxy"


def test_a_control_plane_as_proxy_node_means_the_controller_itself(tmp_path: Path) -> None:
    site = Site(tmp_path)
    found = node("gate")
    found["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = ""
    site.store.objects["v1", "Node", "", "gate"] = found
    site.task(**SPEC)
    site.rounds(site.controller())
    assert site.status()["nodetaskStatus"] == "ready"
    assert not [key for key in site.store.objects if key[1] == "Job"]


@pytest.mark.parametrize(("address", "asked"), [(A, {"edge-9": "old"}), (B, {})])
def test_a_job_asks_for_the_deletion_of_the_former_node_of_its_machine(
    address: str, asked: dict[str, str], tmp_path: Path
) -> None:
    store = FakeStore()
    old = node("old")
    old["status"] = {"addresses": [{"type": "InternalIP", "address": address}]}
    store.objects["v1", "Node", "", "old"] = old
    cluster: Any = store
    outbox = Outbox(cluster, "run", Listener(Connection(Login(), 22, tmp_path), set()))
    asks: list[dict[str, str]] = []

    def pause(_seconds: float) -> None:
        """The controller answers."""
        asks.append(dict(outbox.formers))
        store.objects.pop(("v1", "Node", "", "old"), None)

    clock = Clock(lambda: float(len(asks)), pause)
    admission = JobAdmission(cluster, outbox, tmp_path, "10.0.0.1:6443", "sha256:ca", clock=clock)
    admission.delete_former(Machine("edge-9", Target(A)), old)
    assert (asks, outbox.formers) == ([asked] if asked else [], {})
