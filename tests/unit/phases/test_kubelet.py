"""Whose unit of the kubelet a node has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.core.phase import Context
from edgeadm.node.units import KUBELET_DROP_IN, KUBELET_FILE
from edgeadm.phases.kubelet import PACKAGED, Kubelet
from edgeadm.workflows import JOIN
from tests.machine import Machine
from tests.wishes import asked


def context(machine: Machine, verb: str, *, edge: bool) -> Context:
    ctx = machine.context(replace(asked(JOIN), enable_edge=edge))
    ctx.journal.verb, ctx.journal.phase = verb, "kubelet"
    return ctx


@pytest.mark.parametrize("packaged", PACKAGED)
def test_an_edge_node_has_ours_whatever_the_distribution_brought(packaged: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, role="edge")
    machine.host.files[packaged] = b"[Unit]\nAfter=network-online.target\n"
    machine.units["kubelet"] = {"enabled"}
    ctx = context(machine, "join", edge=True)
    assert Kubelet().check(ctx).needed
    Kubelet().apply(ctx)
    assert {KUBELET_FILE, KUBELET_DROP_IN} <= machine.host.files.keys()
    assert b"network-online" not in machine.host.files[KUBELET_FILE]
    assert not Kubelet().check(ctx).needed


@pytest.mark.parametrize(("verb", "edge"), [("join", False), ("init", True)])
@pytest.mark.parametrize("packaged", PACKAGED)
def test_elsewhere_the_distributions_stays(packaged: str, verb: str, edge: bool, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.host.files[packaged] = b"[Unit]\n"
    ctx = context(machine, verb, edge=edge)
    assert Kubelet().check(ctx).reason == "the unit kubelet is not enabled at boot"
    Kubelet().apply(ctx)
    assert {KUBELET_FILE, KUBELET_DROP_IN} & machine.host.files.keys() == set()
    assert machine.units["kubelet"] == {"enabled"}
    assert not Kubelet().check(ctx).needed
