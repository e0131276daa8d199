"""Clusters of TKE in the API: each is applied by a process, until it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.apps.fleet import CLUSTER, CLUSTER_API, MACHINE
from edgeadm.cluster.fake import FakeStore
from edgeadm.fleet.controller.clusters import Clusters, conditions_of
from edgeadm.fleet.controller.notes import Notes
from tests.fake_fleet import Inline

PASSWORD = "Y2FuYXJ5"
GOOD = {"exitCode": 0, "warnings": [], "stages": [{"stage": "machines", "machines": []}]}
BAD_MACHINE = {
    "machine": "edge-1",
    "address": "10.0.0.9",
    "state": "failed",
    "code": "ssh-auth",
    "detail": "the login was refused",
    "hint": "check the password",
}
BAD = {"exitCode": 4, "stages": [{"stage": "control plane cp-1", "machines": [BAD_MACHINE]}]}


@dataclass
class World:
    """The API, the process, and a clock."""

    folder: Path
    store: FakeStore = field(default_factory=FakeStore)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    files: list[tuple[str, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0
    leader: bool = True
    meanwhile: Callable[[], None] = lambda: None

    def apply(self, file: Path, packages: Sequence[str]) -> tuple[int, str]:
        assert packages
        self.files.append((file.read_text(), file.stat().st_mode & 0o777))
        self.meanwhile()
        code, told = self.answers.pop(0)
        return code, told if isinstance(told, str) else json.dumps(told)

    def controller(self) -> Clusters:
        notes = Notes(self.store, "a", self.said.append)
        holds = lambda: self.leader  # noqa: E731
        clock = lambda: self.seconds  # noqa: E731
        return Clusters(self.store, self.folder, self.folder, self.apply, notes, holds, clock, Inline())

    def put(self, kind: str, name: str, **spec: Any) -> None:
        last = {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "superedge.io/edge-version": "v0.9.0",
        }
        meta = {"name": name, "annotations": last}
        self.store.create({"apiVersion": CLUSTER_API, "kind": kind, "metadata": meta, "spec": spec})

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.store.objects[CLUSTER_API, CLUSTER, "", "shop"].get("status") or {}
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path)
    (tmp_path / "kubernetes-amd64-v1.37.2-0123.tar.zst").touch()
    found.put(CLUSTER, "shop", type="Edge", machines=[{"ip": "10.0.0.8", "password": PASSWORD}])
    found.put(MACHINE, "edge-1", clusterName="shop", ip="10.0.0.9", password=PASSWORD)
    found.put(MACHINE, "other", clusterName="another", ip="10.0.0.10")
    return found


def test_a_cluster_is_applied_with_its_machines_and_runs(world: World) -> None:
    world.answers = [(0, GOOD)]
    clusters = world.controller()
    clusters.step()
    assert world.status()["phase"] == "Running"
    ((text, mode),) = world.files
    documents = list(yaml.safe_load_all(text))
    assert [(each["kind"], each["metadata"]["name"]) for each in documents] == [
        ("Cluster", "shop"),
        ("Machine", "edge-1"),
    ]
    assert documents[0]["metadata"]["annotations"] == {"superedge.io/edge-version": "v0.9.0"}
    assert mode == 0o600
    assert list((world.folder / "clusters").iterdir()) == []
    clusters.step()
    world.controller().step()
    assert len(world.files) == 1


def test_a_cluster_that_failed_names_the_machine_and_is_tried_again(world: World) -> None:
    world.answers = [(4, BAD), (0, GOOD)]
    clusters = world.controller()
    clusters.step()
    status = world.status()
    assert status["phase"] == "Failed"
    conditions = {each["type"]: each for each in status["conditions"]}
    assert conditions["ControlPlaneCp1"]["status"] == "False"
    assert conditions["Machine-edge-1"]["reason"] == "SshAuth"
    message = "10.0.0.9: the login was refused; check the password"
    assert conditions["Machine-edge-1"]["message"] == message
    clusters.step()
    assert len(world.files) == 1
    world.seconds = 1000
    clusters.step()
    assert world.status()["phase"] == "Running"
    assert "Machine-edge-1" not in {each["type"] for each in world.status()["conditions"]}


def test_a_change_is_applied_at_once(world: World) -> None:
    world.answers = [(4, BAD), (0, GOOD), (0, GOOD)]
    clusters = world.controller()
    clusters.step()
    there = world.store.objects[CLUSTER_API, CLUSTER, "", "shop"]
    world.store.replace({**there, "spec": {**there["spec"], "version": "v1"}})
    clusters.step()
    assert world.status()["phase"] == "Running"
    world.put(MACHINE, "edge-2", clusterName="shop", ip="10.0.0.11")
    clusters.step()
    assert len(world.files) == 3


def test_a_machine_that_is_added_during_a_run_is_applied_before_the_cluster_is_running(world: World) -> None:
    world.answers = [(0, GOOD), (0, GOOD)]
    world.meanwhile = lambda: world.put(MACHINE, "edge-2", clusterName="shop", ip="10.0.0.11")
    clusters = world.controller()
    clusters.step()
    assert world.status()["phase"] == "Initializing"
    world.meanwhile = lambda: None
    clusters.step()
    assert world.status()["phase"] == "Running"
    assert "edge-2" in world.files[-1][0]


def test_an_invalid_document_is_an_error_in_the_status(world: World) -> None:
    error = {"code": "document", "message": "spec.clusterCidr: not a key, did you mean clusterCIDR?"}
    world.answers = [(3, {"error": error})]
    world.controller().step()
    (applied,) = world.status()["conditions"]
    assert (applied["type"], applied["reason"], applied["message"]) == (
        "Applied",
        "Document",
        error["message"],
    )


def test_a_replica_that_is_not_the_leader_starts_nothing(world: World) -> None:
    world.leader = False
    world.controller().step()
    assert world.files == []


def test_no_password_is_in_a_status_or_an_event(world: World) -> None:
    world.answers = [(4, BAD)]
    world.controller().step()
    told = [str(obj.get("status")) for obj in world.store.objects.values()]
    told += [str(obj) for key, obj in world.store.objects.items() if key[1] == "Event"]
    assert PASSWORD not in "".join([*told, *world.said])


def test_a_process_that_was_killed_is_not_a_success() -> None:
    assert conditions_of(124, {}) == [("Applied", False, "Interrupted", "the process ended with status 124")]
