"""The link of an edge node, the route of last resort to Services, and who restores both."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.core.phase import Context
from edgeadm.errors import UnreachableError
from edgeadm.node import kernel_state
from edgeadm.node.membership import FACTS, ClusterFacts, facts_on
from edgeadm.node.service_routes import states
from edgeadm.node.units import KEEP_FILE, NIC_FILE
from edgeadm.phases.discover import KUBEADM_CONFIG, Discover
from edgeadm.phases.edge_memory import EdgeMemory
from edgeadm.phases.edge_nic import EdgeNic
from edgeadm.phases.node import PrepareNode
from edgeadm.phases.service_ip import ServiceIp
from edgeadm.workflows import JOIN
from tests.machine import Machine
from tests.traces import join_writes
from tests.wishes import asked

OLD = ClusterFacts("https://10.0.0.11:6443", "", "v1.37.2", "10.96.0.1", "cluster.local", "169.254.20.11")
BOTH = ("10.96.0.0/12", "fd00:96::/112")


def context(folder: Path, known: ClusterFacts) -> tuple[Machine, Context]:
    machine = Machine(folder, role="edge")
    machine.host.files[FACTS] = known.text()
    ctx = machine.context(asked(JOIN))
    ctx.journal.verb, ctx.journal.phase = "join", "edge/nic"
    return machine, ctx


@pytest.mark.parametrize("line", ["ExecStart", "ExecReload"])
def test_every_range_of_services_has_a_route(line: str, tmp_path: Path) -> None:
    machine, ctx = context(tmp_path, replace(OLD, service_ranges=BOTH))
    EdgeNic().apply(ctx)
    text = machine.host.files[NIC_FILE].decode()
    assert f"{line}=-ip route replace 10.96.0.0/12 dev tkeedgedns table default\n" in text
    assert f"{line}=-ip -6 route replace fd00:96::/112 dev tkeedgedns table default\n" in text
    assert not EdgeNic().check(ctx).needed


def test_a_node_of_an_older_edgeadm_has_one_for_the_service_kubernetes(tmp_path: Path) -> None:
    machine, ctx = context(tmp_path, OLD)
    EdgeNic().apply(ctx)
    assert b"=-ip route replace 10.96.0.1/32 dev" in machine.host.files[NIC_FILE]
    assert [each.has for each in states(OLD)][1] == "10.96.0.1 dev tkeedgedns "


def test_joined_again_it_learns_the_ranges_and_nothing_else_changes(tmp_path: Path) -> None:
    machine, ctx = context(tmp_path, OLD)
    machine.host.files |= join_writes()
    subnets = "networking: {serviceSubnet: '10.96.0.0/12, fd00:96::/112'}"
    machine.api[KUBEADM_CONFIG] = {"data": {"ClusterConfiguration": subnets}}
    assert Discover().check(ctx).needed
    Discover().apply(ctx)
    assert facts_on(machine.host) == replace(OLD, service_ranges=BOTH)
    assert not Discover().check(ctx).needed


def test_networks_that_cannot_be_the_clusters_are_not_taken(tmp_path: Path) -> None:
    """A cluster that kubeadm did not make."""
    machine, ctx = context(tmp_path, replace(OLD, service_ip="10.43.0.1"))
    machine.host.files |= join_writes()
    Discover().apply(ctx)
    found = facts_on(machine.host)
    assert found is not None
    assert found.service_ranges == ("10.43.0.1/32",)


def test_joined_again_while_cut_off_it_goes_on_without(tmp_path: Path) -> None:
    class Away:
        def get(self, path: str) -> None:
            raise UnreachableError("the API server does not respond")

    machine, ctx = context(tmp_path, OLD)
    machine.host.files |= join_writes()
    warned: list[str] = []
    Discover().apply(replace(ctx, outside=Away, warn=warned.append))  # type: ignore[arg-type]
    assert facts_on(machine.host) == OLD
    assert warned == ["the Service networks could not be read: the API server does not respond"]


def test_all_of_it_is_told_to_the_keeper(tmp_path: Path) -> None:
    machine, ctx = context(tmp_path, replace(OLD, service_ranges=BOTH))
    for phase in (PrepareNode(), EdgeNic(), ServiceIp(), EdgeMemory()):
        phase.apply(ctx)
    data = machine.host.files[kernel_state.FILE]
    found = {each.what: each for each in kernel_state.parse(data)}
    assert set(found) == {
        "the virtual address",
        *(f"the route to Services {each}" for each in BOTH),
        "the rules of the Service `kubernetes`",
        "the kernel parameter net.ipv4.ip_forward=1",
        "the kernel parameter net.bridge.bridge-nf-call-iptables=1",
        "the kernel parameter net.bridge.bridge-nf-call-ip6tables=1",
    }
    rules = found["the rules of the Service `kubernetes`"]
    assert (rules.times, rules.has) == (2, "daddr 10.96.0.1 tcp dport 443 dnat to 169.254.20.11:51003")
    assert rules.restore == ("systemctl", "reload", "edgeadm-service-ip")
    assert f"--kernel={kernel_state.FILE} ".encode() in machine.host.files[KEEP_FILE]
    assert b"--hold=tkeedgedns " in machine.host.files[KEEP_FILE]
    # As the Go program reads it.
    assert all(each["show"] and each["restore"] and each["has"] for each in json.loads(data)["states"])


@pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b'{"states": [{}]}'])
def test_a_list_that_is_none_is_empty(data: bytes | None) -> None:
    assert kernel_state.parse(data) == []
