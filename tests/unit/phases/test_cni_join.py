"""The pod network's configuration on a node that joins."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeadm.core.phase import Context
from edgeadm.hosts.fake import FakeHost
from edgeadm.node.cni_files import CONFLIST
from edgeadm.node.membership import FACTS, ClusterFacts, facts_on
from edgeadm.phases import cni
from edgeadm.phases.cni_join import JoinPodNetwork
from edgeadm.workflows import JOIN
from tests.machine import Machine
from tests.wishes import asked

KNOWN = ClusterFacts(
    "https://10.0.0.11:6443",
    "ca",
    "v1.34.4",
    "10.96.0.1",
    "cluster.local",
    "169.254.20.11",
    cni="flannel",
    edge_programs=("flannel", "kube-proxy"),
)
PLUGIN = "/opt/cni/bin/edge-ipam"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, role="edge")


def context(machine: Machine, known: ClusterFacts = KNOWN, *, edge: bool = True, **more: Any) -> Context:
    machine.host.files[FACTS] = known.text()
    ctx = machine.context(replace(asked(JOIN), enable_edge=edge), **more)
    ctx.journal.verb, ctx.journal.phase = "join", "cni"
    return ctx


def plugin(machine: Machine) -> dict[str, Any]:
    """flannel's part of the configuration."""
    found: dict[str, Any] = json.loads(machine.host.files[CONFLIST])["plugins"][0]
    return found


def test_a_plain_worker_has_the_one_of_control_planes(machine: Machine) -> None:
    ctx = context(machine, edge=False)
    assert JoinPodNetwork().check(ctx).needed
    JoinPodNetwork().apply(ctx)
    assert machine.host.files[CONFLIST] == cni.conflist(ctx)
    assert plugin(machine).keys() == {"type", "delegate"}
    assert not JoinPodNetwork().check(ctx).needed


def test_on_an_edge_node_pods_get_their_addresses_back_and_nothing_is_lost_at_boot(machine: Machine) -> None:
    ctx = context(machine)
    JoinPodNetwork().apply(ctx)
    assert plugin(machine)["ipam"] == {"type": "edge-ipam", "dataDir": "/run/cni/networks"}
    assert plugin(machine)["subnetFile"] == "/var/lib/flannel/subnet.env"
    assert plugin(machine)["dataDir"] == "/run/cni/flannel"
    assert not JoinPodNetwork().check(ctx).needed
    machine.host.files[CONFLIST] += b"\n"
    assert JoinPodNetwork().check(ctx).needed


def test_without_the_plugin_they_do_not_and_that_is_said(machine: Machine) -> None:
    machine.package = None
    warned: list[str] = []
    ctx = context(machine, warn=warned.append)
    JoinPodNetwork().apply(ctx)
    assert "ipam" not in plugin(machine)
    assert plugin(machine)["subnetFile"] == "/var/lib/flannel/subnet.env"
    assert warned == ["edge-ipam is missing: Pods on this node get other addresses after a reboot"]
    machine.host.files[PLUGIN] = b""
    assert JoinPodNetwork().check(ctx).needed
    JoinPodNetwork().apply(ctx)
    assert plugin(machine)["ipam"]["type"] == "edge-ipam"
    assert len(warned) == 1


def test_where_edge_nodes_have_no_flannel_of_their_own_it_is_the_plain_one(machine: Machine) -> None:
    ctx = context(machine, replace(KNOWN, edge_programs=("kube-proxy",)))
    JoinPodNetwork().apply(ctx)
    assert machine.host.files[CONFLIST] == cni.conflist(ctx)


def test_a_cluster_that_does_not_say_what_its_network_is_may_have_flannel_at_the_edge(
    machine: Machine,
) -> None:
    JoinPodNetwork().apply(context(machine, replace(KNOWN, cni="none")))
    assert plugin(machine)["ipam"]["type"] == "edge-ipam"


def test_another_network_brings_its_own(machine: Machine) -> None:
    ctx = context(machine, replace(KNOWN, cni="none", edge_programs=("kube-proxy",)))
    assert not JoinPodNetwork().check(ctx).needed
    JoinPodNetwork().apply(ctx)
    assert CONFLIST not in machine.host.files


def test_what_is_known_of_a_cluster_is_read_as_it_was_written() -> None:
    host = FakeHost(files={FACTS: KNOWN.text()})
    assert facts_on(host) == KNOWN


def test_a_cluster_that_an_older_edgeadm_wrote_down_has_no_programs_at_the_edge() -> None:
    old = json.loads(KNOWN.text())
    del old["edge_programs"]
    host = FakeHost(files={FACTS: json.dumps(old).encode()})
    assert facts_on(host) == replace(KNOWN, edge_programs=())
