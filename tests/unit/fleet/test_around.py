"""The surroundings of a fleet: what the checks between machines know of its cluster, packages and host."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from edgeadm.cluster.fake import FakeCluster
from edgeadm.fleet.around import OVERHEAD_MIB, around_of, space_of, unpacked_of
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.model import Fleet, Role
from edgeadm.hosts.fake import FakeHost
from edgeadm.preflight.supply import HEADROOM_MIB
from tests.unit.package.crafted import true_package

HERE = FakeHost(files={"/etc/machine-id": b"d1e2\n"})
CONFIG = "networking:\n  podSubnet: 10.50.0.0/16,fd00::/64\n  serviceSubnet: 10.60.0.0/16\n"


def networks(*texts: str) -> tuple[object, ...]:
    return tuple(map(ipaddress.ip_network, texts))


def cluster_with(config: str) -> FakeCluster:
    cluster = FakeCluster()
    key = ("v1", "ConfigMap", "kube-system", "kubeadm-config")
    cluster.objects[key] = {"metadata": {"name": "kubeadm-config"}, "data": {"ClusterConfiguration": config}}
    return cluster


def test_the_ranges_are_those_of_the_cluster() -> None:
    around = around_of(Fleet("shops"), cluster_with(CONFIG), Bundles({}), HERE, ca="sha256:1")
    assert around.pod_ranges == networks("10.50.0.0/16", "fd00::/64")
    assert around.service_ranges == networks("10.60.0.0/16")
    assert (around.own_machine_id, around.ca) == ("d1e2", "sha256:1")


def test_the_ranges_of_a_new_cluster_are_those_of_the_document() -> None:
    fleet = Fleet("shops", settings={"podNetworkCidr": "10.70.0.0/16"})
    around = around_of(fleet, None, Bundles({}), FakeHost())
    assert (around.pod_ranges, around.service_ranges) == (networks("10.70.0.0/16"), networks("10.96.0.0/12"))
    assert around.own_machine_id == ""


def test_a_cluster_that_tells_nothing_is_not_guessed() -> None:
    for cluster in (FakeCluster(), cluster_with(""), cluster_with("networking: {podSubnet: nonsense}")):
        around = around_of(Fleet("shops"), cluster, Bundles({}), HERE)
        assert (around.pod_ranges, around.service_ranges) == ((), ())


def test_the_space_is_that_of_the_files_of_the_role(tmp_path: Path) -> None:
    path = tmp_path / "p.tar.zst"
    true_package(path, tmp_path / "source", {"bin/kubelet": bytes(3 << 20), "images/pause.tar": b"pause"})
    space = space_of(Bundles({"amd64": str(path), "arm64": "/missing"}, tmp_path / "cache"))
    assert space("amd64", Role.WORKER) == 3 + OVERHEAD_MIB
    unpacked = unpacked_of(Bundles({"amd64": str(path), "arm64": "/missing"}, tmp_path / "cache"))
    assert (unpacked("amd64", Role.WORKER), unpacked("arm64", Role.EDGE)) == (3 * 3 + HEADROOM_MIB, 0)
    assert (space("arm64", Role.WORKER), space("riscv64", Role.EDGE)) == (0, 0)
