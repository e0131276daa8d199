"""The short end-to-end test: plan, init, one join, an offline power cut, and reset, which keeps the
previous state. `make e2e-smoke` runs it, also with other Kubernetes versions than the default
(`KUBERNETES=v1.36.3`) and on bare nodes of a Debian release (`IMAGE=debian-13`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.sandbox import Kind, Sandbox
from tests.e2e.cluster import DONE, NETWORK, TOKEN, Cluster, cluster_of, package_in
from tests.e2e.snapshot import OF_A_BOOT, changed, snapshot
from tests.e2e.tier import IMAGE
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
RUNNING = "pgrep -x flanneld && pgrep -x kube-proxy && pgrep -x coredns"


@pytest.fixture(scope="module")
def sandbox(make_sandbox: Callable[..., Sandbox], package: Path) -> Sandbox:
    return make_sandbox(control_planes=1, edges=1, package=package, kind=Kind(IMAGE, bare=IMAGE != ""))


@pytest.fixture(scope="module")
def bare(sandbox: Sandbox) -> dict[str, dict[str, list[str]]]:
    """After a second boot: units of Debian run at the first one alone."""
    for node in sandbox.nodes:
        sandbox.power(node.name, "off")
        sandbox.power(node.name, "on")
    return {node.name: snapshot(node) for node in sandbox.nodes}


@pytest.fixture(scope="module")
def cluster(sandbox: Sandbox, bare: dict[str, dict[str, list[str]]]) -> Cluster:
    assert bare
    cp1 = sandbox.node("cp1")
    words = ["--install-pkg-path", package_in(cp1), "--token", TOKEN, *NETWORK]
    ended = cp1.exec(["edgeadm", "init", *words])
    assert "Your Kubernetes control-plane has initialized successfully!" in ended.out
    return cluster_of(sandbox)


def test_the_plan_names_every_phase_and_changes_nothing(
    sandbox: Sandbox, bare: dict[str, dict[str, list[str]]]
) -> None:
    cp1 = sandbox.node("cp1")
    words = ["--install-pkg-path", package_in(cp1), *NETWORK]
    plan = json.loads(cp1.exec(["edgeadm", "init", "plan", *words, "-o", "json"]).out)
    needed = {phase["phase"] for phase in plan["phases"] if phase["needed"]}
    assert {"package", "runtime", "kubeadm", "cni"} <= needed
    assert changed(bare["cp1"], cp1) == []


def test_an_edge_node_joins_the_new_cluster(cluster: Cluster) -> None:
    assert cluster.join("edge1").out.startswith(DONE)
    assert cluster.condition("edge1") == "True"
    until(lambda: cluster.node("edge1").exec(["sh", "-c", RUNNING], check=False).code == 0, "its Pods run")


def test_after_a_power_cut_without_a_cable_its_pods_are_back(cluster: Cluster) -> None:
    edge1 = cluster.node("edge1")
    edge1.link(up=False)
    try:
        cluster.sandbox.power("edge1", "kill")
        cluster.sandbox.power("edge1", "on")
        until(lambda: edge1.exec(["sh", "-c", RUNNING], check=False).code == 0, "its Pods run again")
        until(lambda: cluster.condition("edge1") == "Unknown", "the cluster misses the node")
    finally:
        edge1.link(up=True)
    until(lambda: cluster.condition("edge1") == "True", "the node is Ready again")


@pytest.mark.parametrize("name", ["edge1", "cp1"])
def test_reset_leaves_what_was_there_before(
    name: str, cluster: Cluster, bare: dict[str, dict[str, list[str]]]
) -> None:
    node = cluster.node(name)
    node.exec(["edgeadm", "reset", "-f"])
    assert changed(bare[name], node, OF_A_BOOT) == []


def test_nothing_was_forwarded_out_of_the_sandbox(sandbox: Sandbox) -> None:
    assert sandbox.forwarded_packets() == 0
