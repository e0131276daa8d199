"""edgeadm killed at every journal record of a full init or join, and run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm.core.journal import Journal
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.workflows import INIT, JOIN
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import kubeadm_writes
from tests.wishes import ROLES, asked

PARTS = 6  # each takes every sixth record, so that workers share them


class KilledError(BaseException):
    """SIGKILL: nothing of the program runs after it."""


class Deadly(Journal):
    """Dies right after its n-th record is on disk, before what the record announces is done."""

    left: int = 0

    def add(self, event: str, **detail: Any) -> None:
        super().add(event, **detail)
        self.left -= 1
        if self.left == 0:
            raise KilledError


def context(machine: Machine, dies_after: int = 0, workflow: Workflow = INIT) -> Context:
    ctx = machine.context(asked(workflow))
    if dies_after:
        journal = Deadly(machine.host)
        journal.left = dies_after
        ctx.host.journal = journal  # type: ignore[attr-defined]  # it is a JournaledHost
        object.__setattr__(ctx, "journal", journal)
    return ctx


def records_of_a_full_run(workflow: Workflow, folder: Path) -> int:
    machine = Machine(folder, role=ROLES[workflow.name])
    Run(workflow, context(machine, workflow=workflow), Recorded()).apply(workflow.select())
    return len(Journal(machine.host).records())


@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"{part + 1} of {PARTS}")
@pytest.mark.parametrize("workflow", [INIT, JOIN], ids=lambda each: each.name)
def test_every_record_is_a_place_from_which_a_second_run_finishes(
    workflow: Workflow, part: int, tmp_path: Path
) -> None:
    total = records_of_a_full_run(workflow, tmp_path / "whole")
    assert total > 40
    whole = Machine(tmp_path / "again", role=ROLES[workflow.name])
    Run(workflow, context(whole, workflow=workflow), Recorded()).apply(workflow.select())
    for number in range(1 + part, total + 1, PARTS):
        machine = Machine(tmp_path / str(number), role=ROLES[workflow.name])
        with pytest.raises(KilledError):
            Run(workflow, context(machine, number, workflow), Recorded()).apply(workflow.select())
        Run(workflow, context(machine, workflow=workflow), Recorded()).apply(workflow.select())
        assert same_files(machine) == same_files(whole), f"killed after record {number}"
        assert machine.images == whole.images
        again = Run(workflow, context(machine, workflow=workflow), Recorded())
        assert again.apply(workflow.select()) == 0, f"killed after record {number}"


def test_a_cut_off_kubeadm_is_run_again_past_what_it_left(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    finished = context(machine)
    Run(INIT, finished, Recorded()).apply(INIT.select(skip=["kubeadm", "cni"]))
    journal = Journal(machine.host, "init", "kubeadm")
    journal.add("started")
    machine.host.files |= kubeadm_writes()
    Run(INIT, context(machine), Recorded()).apply(INIT.select())
    command = next(line for line in machine.host.ran if line.startswith("kubeadm init"))
    assert "DirAvailable--var-lib-etcd" in command
    assert "Port-6444" in command


def test_half_a_certificate_pair_is_removed_before_kubeadm_takes_it_for_whole(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    Run(INIT, context(machine), Recorded()).apply(INIT.select(skip=["kubeadm", "cni"]))
    Journal(machine.host, "init", "kubeadm").add("started")
    machine.host.files |= {
        "/etc/kubernetes/pki/apiserver.crt": kubeadm_writes()["/etc/kubernetes/pki/ca.crt"],
        "/etc/kubernetes/scheduler.conf": b"",
    }
    recover = INIT.select(["recover"])
    Run(INIT, context(machine), Recorded()).apply(recover)
    assert "/etc/kubernetes/pki/apiserver.crt" not in machine.host.files
    assert "/etc/kubernetes/scheduler.conf" not in machine.host.files


def same_files(machine: Machine) -> dict[str, bytes]:
    """All files but those that differ between any two runs: journal, backups, random token and keys."""
    differs = (
        "/var/lib/edgeadm/",
        "/etc/edgeadm/",
        "/etc/kubernetes/edge/lite-apiserver.pem",
    )
    return {path: data for path, data in machine.host.files.items() if not path.startswith(differs)}
