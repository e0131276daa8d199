"""What holds for every phase of every workflow."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm import workflows
from edgeadm.cluster.dry import DryCluster, DryOutside
from edgeadm.core.journal import PATH, Journal
from edgeadm.core.runner import Run
from edgeadm.core.wait import NoWait
from edgeadm.core.workflow import Workflow
from edgeadm.hosts import DryHost
from edgeadm.workflows import RESET
from tests.reports import Recorded
from tests.wishes import asked, machine_for

WORKFLOWS = [each for each in vars(workflows).values() if isinstance(each, Workflow)]
FLOWS = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda each: each.name)


@FLOWS
def test_a_check_only_looks(workflow: Workflow, tmp_path: Path) -> None:
    machine = machine_for(workflow, tmp_path)
    before = dict(machine.host.files)
    ctx = machine.context(asked(workflow))
    for step in workflow.steps():
        if not step.why_not(ctx.config):
            step.phase.check(ctx)
    assert machine.host.files == before
    assert machine.host.ran == []


@FLOWS
def test_a_run_reaches_what_the_checks_look_for_and_a_second_run_changes_nothing(
    workflow: Workflow, tmp_path: Path
) -> None:
    machine = machine_for(workflow, tmp_path)
    Run(workflow, machine.context(asked(workflow)), Recorded()).apply(workflow.select())
    after, ran = dict(machine.host.files), list(machine.host.ran)
    report = Recorded()
    assert Run(workflow, machine.context(asked(workflow)), report).apply(workflow.select()) == 0
    assert machine.host.files == after
    assert machine.host.ran == ran
    assert all(verdict.reason for _, verdict in report.verdicts)


@FLOWS
def test_each_apply_may_be_repeated(workflow: Workflow, tmp_path: Path) -> None:
    machine = machine_for(workflow, tmp_path)
    for step in workflow.steps():
        ctx = machine.context(asked(workflow))
        ctx.journal.verb, ctx.journal.phase = workflow.name, step.path
        if step.why_not(ctx.config) or not step.phase.check(ctx).needed:
            continue
        assert step.phase.lacks(ctx) == ""
        ctx.journal.add("started")
        step.phase.apply(ctx)
        once = {path: data for path, data in machine.host.files.items() if path != PATH}
        step.phase.apply(ctx)
        assert {path: data for path, data in machine.host.files.items() if path != PATH} == once, step.path


@FLOWS
def test_reset_after_a_run_leaves_the_files_as_before(workflow: Workflow, tmp_path: Path) -> None:
    machine = machine_for(workflow, tmp_path)
    machine.host.write("/etc/containerd/config.toml", b"# the user's\nversion = 3\n", 0o640)
    before, running = dict(machine.host.files), copy.deepcopy(machine.units)
    Run(workflow, machine.context(asked(workflow)), Recorded()).apply(workflow.select())
    plain = replace(machine.context(asked(workflow)), host=machine.host)
    Run(RESET, plain, Recorded()).apply(RESET.select())
    assert machine.host.files == before
    assert {name: state for name, state in machine.units.items() if state} == {
        name: state for name, state in running.items() if state
    }
    assert Journal(machine.host).records() == []


@FLOWS
def test_a_dry_run_changes_nothing_and_says_what_it_would(workflow: Workflow, tmp_path: Path) -> None:
    machine = machine_for(workflow, tmp_path)
    before = dict(machine.host.files)
    notes: list[str] = []
    ctx = machine.context(asked(workflow))
    dry = replace(
        ctx,
        connect=lambda: DryCluster(None, notes.append),
        host=DryHost(machine.host, notes.append),
        journal=Journal(DryHost(machine.host, lambda _text: None)),
        outside=lambda: DryOutside(machine.outside(), notes.append),
        wait=NoWait(note=notes.append),
    )
    Run(workflow, dry, Recorded()).apply(workflow.select())
    assert machine.host.files == before
    assert machine.host.ran == []
    verb = workflow.name
    assert verb not in ("init", "join") or any(note.startswith(f"run kubeadm {verb}") for note in notes)
    assert ctx.journal.records() == []
    if verb == "join":
        waits = [note for note in notes if note.startswith("wait until ")]
        assert len(waits) == 3
        assert [note for note in notes if note.startswith("create CertificateSigningRequest/")]
        assert "apply `warm-up` after the phases before it: this host is not a node now" in notes


@FLOWS
def test_phases_have_names_words_and_docstrings(workflow: Workflow) -> None:
    paths = [step.path for step in workflow.steps()]
    assert len(paths) == len(set(paths))
    for step in workflow.steps():
        assert step.phase.summary
        assert not step.phase.summary.endswith(".")
        assert step.phase.__doc__
