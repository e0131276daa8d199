"""How often a run asks its host for something: over a network, each call is a round trip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.runner import Run
from edgeadm.core.wait import Wait
from edgeadm.core.workflow import Workflow
from edgeadm.hosts import RememberedHost
from edgeadm.workflows import INIT, JOIN
from tests.clocks import ticking
from tests.counted import CountedHost
from tests.machine import Machine
from tests.reports import Recorded
from tests.wishes import asked, machine_for


def calls(workflow: Workflow, machine: Machine) -> int:
    """The calls of one run, with the hosts of `edgeadm.cli.session.changing`; its log makes none."""
    counted = CountedHost(machine.host)
    known, journal = RememberedHost(counted), Journal(counted)
    ctx = replace(
        machine.context(asked(workflow)),
        host=JournaledHost(known, journal),
        journal=journal,
        forget=known.forget,
        wait=Wait(ticking(), known.forget),
    )
    Run(workflow, ctx, Recorded()).apply(workflow.select())
    return sum(counted.calls.values())


@pytest.mark.parametrize(
    ("workflow", "bare", "again"), [(INIT, 300, 60), (JOIN, 200, 60)], ids=["init", "join"]
)
def test_a_run_asks_for_each_fact_once_per_change(
    workflow: Workflow, bare: int, again: int, tmp_path: Path
) -> None:
    machine = machine_for(workflow, tmp_path)
    assert calls(workflow, machine) <= bare
    assert calls(workflow, machine) <= again


@pytest.mark.parametrize("workflow", [INIT, JOIN], ids=["init", "join"])
def test_a_run_that_remembers_makes_the_same_machine(workflow: Workflow, tmp_path: Path) -> None:
    machine, other = machine_for(workflow, tmp_path / "a"), machine_for(workflow, tmp_path / "b")
    calls(workflow, machine)
    Run(workflow, other.context(asked(workflow)), Recorded()).apply(workflow.select())
    assert machine.host.files.keys() == other.host.files.keys()
    assert (machine.units, machine.images, machine.host.ran) == (other.units, other.images, other.host.ran)
