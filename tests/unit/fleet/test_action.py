"""The change that a machine needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.fleet.action import action_of
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.model import Fleet, Machine
from edgeadm.fleet.record import differences, record
from edgeadm.fleet.work import Action
from edgeadm.hosts.ssh.target import Target

CA = "sha256:" + "a" * 64
MACHINE = Machine("edge1", Target("192.0.2.1"), labels={"site": "a"}, taints=("x=y:NoSchedule",))
BARE = Facts("edge1", "amd64")
MEMBER = Membership(
    "edge1", CA, "https://192.0.2.9:6443", "edge", active=True, complete=True, by_edgeadm=True
)
JOINED = replace(BARE, membership=MEMBER, remains=("/etc/kubernetes",))


@pytest.mark.parametrize(
    ("facts", "reinstall", "wanted"),
    [
        (BARE, False, Action.JOIN),
        (BARE, True, Action.JOIN),
        (JOINED, False, Action.NOTHING),
        (JOINED, True, Action.REINSTALL),
        (replace(JOINED, running="edgeadm-fleet-join-1.service"), True, Action.FOLLOW),
        (replace(JOINED, interrupted="join"), False, Action.JOIN),
        (replace(BARE, interrupted="join", remains=("/etc/kubernetes",)), False, Action.JOIN),
        (replace(BARE, interrupted="reset", remains=("/etc/kubernetes",)), False, Action.REINSTALL),
        (replace(JOINED, membership=replace(MEMBER, active=False)), False, Action.JOIN),
        (replace(BARE, remains=("/etc/cni/net.d",)), False, Action.JOIN),
        (replace(BARE, remains=("/var/lib/rancher",)), True, Action.REINSTALL),
        (replace(JOINED, membership=replace(MEMBER, ca="sha256:" + "b" * 64)), True, Action.REINSTALL),
    ],
)
def test_the_action_follows_from_the_facts(facts: Facts, reinstall: bool, wanted: Action) -> None:
    assert action_of(replace(MACHINE, reinstall=reinstall), facts, CA, ())[0] is wanted


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(JOINED, membership=replace(MEMBER, ca="sha256:" + "b" * 64)), "other-cluster"),
        (replace(JOINED, membership=replace(MEMBER, ca="")), "other-cluster"),
        (replace(JOINED, membership=replace(MEMBER, node="edge2")), "remains-of-a-cluster"),
        (replace(BARE, remains=("/var/lib/rancher",)), "remains-of-a-cluster"),
    ],
)
def test_a_machine_of_another_cluster_is_refused(facts: Facts, code: str) -> None:
    with pytest.raises(EdgeadmError) as caught:
        action_of(MACHINE, facts, CA, ())
    assert caught.value.code == code
    assert "edge1 (192.0.2.1)" in caught.value.message
    assert caught.value.hint


def test_differences_are_named() -> None:
    action, reason = action_of(MACHINE, JOINED, CA, ("labels",))
    assert action is Action.NOTHING
    assert reason == "it has joined with other values of: labels; `edgeadm nodes reinstall` applies them"


def test_the_record_of_equal_settings_is_equal() -> None:
    fleet = Fleet("f", settings={"runtime": "containerd"})
    first = record(fleet, MACHINE, ca=CA, package="p")
    assert record(fleet, MACHINE, ca=CA, package="p") == first
    known = replace(JOINED, applied=first["hash"], record=first)
    assert differences(first, known) == ()
    other = record(fleet, replace(MACHINE, labels={"site": "b"}, taints=()), ca=CA, package="q")
    assert differences(other, known) == ("labels", "taints", "package")


def test_a_machine_that_joined_by_hand_differs_in_nothing() -> None:
    assert differences(record(Fleet("f"), MACHINE, ca=CA, package="p"), JOINED) == ()


def test_a_record_contains_the_mark_of_the_fleet_and_no_secret() -> None:
    from edgeadm.config.secret import Secret

    fleet = Fleet(
        "f", settings={"certificateKey": Secret("hidden")}, mark=("app.superedge.io/node-label", "t")
    )
    found = record(fleet, MACHINE, ca=CA, package="p")
    assert found["labels"] == {"site": "a", "app.superedge.io/node-label": "t"}
    assert "hidden" not in str(found)
