"""`edgeadm addon fleet` and `edgeadm detach fleet`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm.apps import fleet
from tests.cli.world import Ended, edgeadm
from tests.machine import Machine

ADDON = ("addon", "fleet", "--install-pkg-path", "/mnt/package")
IMAGE = "edgeadm.io/fleet-controller:v1.0.0"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane of an edge cluster."""
    made = Machine(tmp_path)
    made.make_control_plane()
    made.add_edge_components()
    made.host.files["/usr/bin/containerd"] = b"own"
    made.units["containerd"] = {"active"}
    return made


def added(machine: Machine) -> Ended:
    ended = edgeadm(machine, *ADDON)
    assert ended.status == 0, ended.err
    return ended


def stored(machine: Machine) -> list[str]:
    return [path for path in machine.host.files if path.startswith(fleet.PACKAGES)]


def put_task(machine: Machine, status: dict[str, Any] | None) -> None:
    machine.cluster.objects[fleet.API, fleet.KIND, "", "nodes"] = {
        "apiVersion": fleet.API,
        "kind": fleet.KIND,
        "metadata": {"name": "nodes"},
        **({} if status is None else {"status": status}),
    }


def test_addon_stores_the_package_and_starts_the_controller(machine: Machine) -> None:
    assert added(machine).out == "The fleet controller runs: create NodeTasks with `kubectl apply`.\n"
    (path,) = stored(machine)
    assert path.startswith(f"{fleet.PACKAGES}/kubernetes-amd64-v1.34.4-")
    assert machine.cluster.objects["v1", "Node", "", "cp1"]["metadata"]["labels"][fleet.STORE_LABEL] == ""
    deployment = machine.cluster.objects["apps/v1", "Deployment", "edge-system", "fleet-controller"]
    spec = deployment["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == IMAGE
    assert spec["nodeSelector"] == {fleet.STORE_LABEL: ""}
    assert machine.images[IMAGE][1].endswith("pinned")
    again = edgeadm(machine, *ADDON)
    assert (again.status, again.out, "0 changes" in again.err) == (0, "", True)


def test_the_label_of_cloud_nodes_stays(machine: Machine) -> None:
    key = ("v1", "Node", "", "cp1")
    cloud = {"superedge.io/node-cloud": "enable"}
    machine.cluster.apply(
        [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp1", "labels": cloud}}]
    )
    added(machine)
    assert cloud.items() <= machine.cluster.objects[key]["metadata"]["labels"].items()
    assert edgeadm(machine, "detach", "fleet").status == 0
    assert cloud.items() <= machine.cluster.objects[key]["metadata"]["labels"].items()


def test_the_name_of_upstream_is_an_alias(machine: Machine) -> None:
    assert edgeadm(machine, "addon", "penetrator", *ADDON[2:]).status == 0
    assert edgeadm(machine, "detach", "penetrator").status == 0


def test_a_new_package_replaces_the_old_one(machine: Machine) -> None:
    old = f"{fleet.PACKAGES}/kubernetes-amd64-v1.33.0-0123456789ab.tar.zst"
    other = f"{fleet.PACKAGES}/kubernetes-arm64-v1.33.0-0123456789ab.tar.zst"
    machine.host.files |= {old: b"old", other: b"other"}
    added(machine)
    assert old not in stored(machine)
    assert other in stored(machine)


def test_without_a_package_it_stops(machine: Machine) -> None:
    ended = edgeadm(machine, "addon", "fleet")
    assert ended.status == 1
    assert "[fleet-package]" in ended.err
    assert stored(machine) == []


def test_a_cluster_without_edge_components_is_refused(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.make_control_plane()
    ended = edgeadm(machine, *ADDON)
    assert ended.status == 2
    assert "[fleet-cluster]" in ended.err


def test_an_old_api_server_is_refused(machine: Machine) -> None:
    machine.cluster.release = "v1.29.9"
    ended = edgeadm(machine, *ADDON)
    assert ended.status == 2
    assert "requires v1.30 or later" in ended.err


def test_detach_removes_everything(machine: Machine) -> None:
    before = {key: str(obj) for key, obj in machine.cluster.objects.items()}
    added(machine)
    put_task(machine, {"nodetaskStatus": "ready"})
    ended = edgeadm(machine, "detach", "fleet")
    assert ended.status == 0, ended.err
    assert stored(machine) == []
    left = {key for key in machine.cluster.objects if key not in before and key[1] != fleet.KIND}
    assert left == set()
    assert fleet.STORE_LABEL not in machine.cluster.objects["v1", "Node", "", "cp1"]["metadata"]["labels"]
    again = edgeadm(machine, "detach", "fleet")
    assert "0 changes" in again.err


@pytest.mark.parametrize("status", [None, {"nodetaskStatus": "creating"}])
def test_detach_refuses_while_tasks_are_unfinished(machine: Machine, status: dict[str, Any] | None) -> None:
    added(machine)
    put_task(machine, status)
    ended = edgeadm(machine, "detach", "fleet")
    assert ended.status == 2
    assert "NodeTasks are not finished: nodes" in ended.err
    assert ("apps/v1", "Deployment", "edge-system", "fleet-controller") in machine.cluster.objects
    assert edgeadm(machine, "detach", "fleet", "--force").status == 0


def test_the_edge_components_stay_while_the_fleet_controller_needs_them(machine: Machine) -> None:
    added(machine)
    ended = edgeadm(machine, "detach", "edge-apps")
    assert ended.status == 2
    assert "[fleet-attached]" in ended.err


def test_reset_removes_the_packages(machine: Machine) -> None:
    added(machine)
    ended = edgeadm(machine, "reset", "--force")
    assert ended.status == 0, ended.err
    assert stored(machine) == []
