"""The two units that keep, and mend at each boot, what an edge node knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.node.membership import FACTS, ClusterFacts
from edgeadm.node.offline_files import HELPER
from edgeadm.node.units import KEEP_FILE, REPAIR_FILE
from edgeadm.phases.edge_memory import LEFTOVERS, EdgeMemory
from edgeadm.phases.reset.containers import StopUnits
from edgeadm.workflows import JOIN
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import join_writes
from tests.wishes import asked

KNOWN = ClusterFacts("https://10.0.0.11:6443", "", "v1.34.4", "10.96.0.1", "cluster.local", "169.254.20.11")
PHASE = "edge/memory"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that is to be an edge node and has found its cluster."""
    made = Machine(tmp_path, role="edge")
    made.host.files[FACTS] = KNOWN.text()
    return made


def context(machine: Machine, **more: Any) -> Context:
    ctx = machine.context(asked(JOIN), **more)
    ctx.journal.verb, ctx.journal.phase = "join", PHASE
    return ctx


def unit(machine: Machine, path: str) -> str:
    return machine.host.files[path].decode()


def test_both_units_are_there_and_start_at_boot(machine: Machine) -> None:
    ctx = context(machine)
    assert EdgeMemory().check(ctx).needed
    EdgeMemory().apply(ctx)
    assert machine.units["edgeadm-repair"] == machine.units["edgeadm-keep"] == {"enabled", "active"}
    assert not EdgeMemory().check(ctx).needed


def test_what_is_mended_is_mended_before_anybody_reads_it(machine: Machine) -> None:
    EdgeMemory().apply(context(machine))
    text = unit(machine, REPAIR_FILE)
    assert "Before=lite-apiserver.service containerd.service kubelet.service\n" in text
    assert [each for each in LEFTOVERS if f"--cni={each}" not in text] == []
    assert "network-online" not in text


def test_the_copy_is_asked_of_this_nodes_own_lite_apiserver(machine: Machine) -> None:
    EdgeMemory().apply(context(machine))
    text = unit(machine, KEEP_FILE)
    assert "--server=https://169.254.20.11:51003 " in text
    assert "--node=cp1 " in text


@pytest.mark.parametrize("is_node", [False, True])
def test_nothing_is_mended_where_pods_may_run(is_node: bool, machine: Machine) -> None:
    machine.host.files |= join_writes() if is_node else {}
    EdgeMemory().apply(context(machine))
    assert ("systemctl start edgeadm-repair" in machine.host.ran) != is_node
    assert machine.units["edgeadm-repair"] >= {"enabled"}
    assert machine.units["edgeadm-keep"] == {"enabled", "active"}


def test_who_keeps_the_copy_is_started_anew_with_each_change(machine: Machine) -> None:
    for _ in range(2):
        EdgeMemory().apply(context(machine))
    assert machine.host.ran.count("systemctl restart edgeadm-keep") == 2


def test_plain_workers_have_none_of_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, role="worker")
    machine.host.files[FACTS] = KNOWN.text()
    ctx = context(machine)
    ctx = replace(ctx, config=replace(ctx.config, enable_edge=False))
    assert not EdgeMemory().check(ctx).needed
    EdgeMemory().apply(ctx)
    assert {KEEP_FILE, REPAIR_FILE} & machine.host.files.keys() == set()
    assert machine.host.ran == []


def test_without_the_program_that_does_it_there_is_a_warning(machine: Machine) -> None:
    machine.package = None
    warned: list[str] = []
    ctx = context(machine, warn=warned.append)
    assert HELPER in EdgeMemory().check(ctx).reason
    EdgeMemory().apply(ctx)
    assert warned == [f"{HELPER} is missing: after a power cut this node may not start without the cloud"]
    assert machine.host.ran == []


def test_a_program_that_is_there_is_enough(machine: Machine) -> None:
    machine.package = None
    machine.host.files[HELPER] = b""
    EdgeMemory().apply(context(machine))
    assert machine.units["edgeadm-keep"] == {"enabled", "active"}


def change(machine: Machine, path: str) -> None:
    machine.host.files[path] += b"# changed\n"


def cut_off(machine: Machine) -> None:
    context(machine).journal.add("started")


FAULTS: dict[str, tuple[Callable[[Machine], None], str]] = {
    "repair does not start": (lambda machine: machine.units["edgeadm-repair"].clear(), "edgeadm-repair"),
    "keep does not start": (lambda machine: machine.units["edgeadm-keep"].discard("enabled"), "edgeadm-keep"),
    "keep was stopped": (lambda machine: machine.units["edgeadm-keep"].discard("active"), "edgeadm-keep"),
    "repair was changed": (lambda machine: change(machine, REPAIR_FILE), REPAIR_FILE),
    "keep was changed": (lambda machine: change(machine, KEEP_FILE), KEEP_FILE),
    "a run was killed": (cut_off, "cut off"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_put_right(fault: str, machine: Machine) -> None:
    EdgeMemory().apply(context(machine))
    plant, reason = FAULTS[fault]
    plant(machine)
    memory = JOIN.select(["edge/memory"])
    ((_, verdict),) = Run(JOIN, context(machine), Recorded()).plan(memory)
    assert (verdict.needed, reason in verdict.reason) == (True, True)
    assert Run(JOIN, context(machine), Recorded()).apply(memory) == 1
    assert Run(JOIN, context(machine), Recorded()).apply(memory) == 0


def test_what_mends_need_not_run_once_it_has(machine: Machine) -> None:
    EdgeMemory().apply(context(machine))
    machine.units["edgeadm-repair"].discard("active")
    assert not EdgeMemory().check(context(machine)).needed


def test_reset_stops_both_if_edgeadm_installed_them(machine: Machine) -> None:
    ctx = context(machine)
    StopUnits().apply(replace(ctx, host=machine.host))
    assert machine.host.ran == [], "they are not ours"
    EdgeMemory().apply(ctx)
    StopUnits().apply(replace(ctx, host=machine.host))
    assert machine.units["edgeadm-repair"] == machine.units["edgeadm-keep"] == set()
