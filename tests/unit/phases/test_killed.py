"""edgeadm killed at every journal record of a full init or join, and run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.phase import Context
from edgeadm.core.restore import roll_back
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.hosts import FileInfo, PassingHost, Source
from edgeadm.workflows import INIT, JOIN, RESET
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import kubeadm_writes
from tests.wishes import ROLES, asked

PARTS = 6  # each takes every sixth record, so that workers share them


class KilledError(BaseException):
    """SIGKILL: nothing of the program runs after it."""


class Deadly(Journal):
    """Dies right after its n-th line or lines are on disk, before what they announce is done."""

    left: int = 0

    def add_all(self, events: Iterable[tuple[str, dict[str, Any]]]) -> None:
        super().add_all(events)
        self.left -= 1
        if self.left == 0:
            raise KilledError


class Breaking(PassingHost):
    """Dies before its n-th file is in place."""

    left: int = 0

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._live()
        self.real.write(path, data, mode)

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        for path, (data, mode) in files.items():
            self.write(path, data, mode)

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        for each in files:
            self._live()
            self.real.put_all([each])
        return self.real.put_all(files)

    def _live(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


def context(machine: Machine, dies_after: int = 0, workflow: Workflow = INIT) -> Context:
    ctx = machine.context(asked(workflow))
    if dies_after:
        journal = Deadly(machine.host)
        journal.left = dies_after
        ctx = replace(ctx, journal=journal, host=JournaledHost(machine.host, journal))
    return ctx


def breaking(machine: Machine, before: int, workflow: Workflow) -> tuple[Context, Breaking]:
    """A context in which edgeadm is killed before this file is in place."""
    journal, host = Journal(machine.host), Breaking(machine.host)
    host.left = before
    return replace(machine.context(asked(workflow)), journal=journal, host=JournaledHost(host, journal)), host


def records_of_a_full_run(workflow: Workflow, folder: Path) -> int:
    """How often a full run writes into the journal."""
    machine = Machine(folder, role=ROLES[workflow.name])
    ctx = context(machine, -1, workflow)
    Run(workflow, ctx, Recorded()).apply(workflow.select())
    assert isinstance(ctx.journal, Deadly)
    return -1 - ctx.journal.left


@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"{part + 1} of {PARTS}")
@pytest.mark.parametrize("workflow", [INIT, JOIN], ids=lambda each: each.name)
def test_every_record_is_a_place_from_which_a_second_run_finishes(
    workflow: Workflow, part: int, tmp_path: Path
) -> None:
    total = records_of_a_full_run(workflow, tmp_path / "whole")
    assert total > 30
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


@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"{part + 1} of {PARTS}")
@pytest.mark.parametrize("workflow", [INIT, JOIN], ids=lambda each: each.name)
def test_files_that_were_announced_and_not_all_written_are_taken_back_or_finished(
    workflow: Workflow, part: int, tmp_path: Path
) -> None:
    whole = Machine(tmp_path / "whole", role=ROLES[workflow.name])
    ctx, host = breaking(whole, -1, workflow)
    Run(workflow, ctx, Recorded()).apply(workflow.select())
    for number in range(1 + part, -host.left, PARTS):
        machine = Machine(tmp_path / str(number), role=ROLES[workflow.name])
        machine.host.files["/etc/containerd/config.toml"] = b"# the user's\n"
        before = dict(machine.host.files)
        killed, _ = breaking(machine, number, workflow)
        with pytest.raises(KilledError):
            Run(workflow, killed, Recorded()).apply(workflow.select())
        if number % 2:
            Run(workflow, context(machine, workflow=workflow), Recorded()).apply(workflow.select())
            assert same_files(machine) == same_files(whole), f"killed before file {number}"
        plain = replace(machine.context(asked(workflow)), host=machine.host)
        Run(RESET, plain, Recorded()).apply(RESET.select())
        assert machine.host.files == before, f"killed before file {number}"


def test_no_backup_of_a_later_generation_contains_the_token_of_a_killed_join(tmp_path: Path) -> None:
    token = asked(JOIN).kubeadm.token or ""
    total, found = records_of_a_full_run(JOIN, tmp_path / "whole"), 0
    for number in range(total // 2, total + 1):
        machine = Machine(tmp_path / str(number), role=ROLES["join"])
        with pytest.raises(KilledError):
            Run(JOIN, context(machine, number, JOIN), Recorded()).apply(JOIN.select())
        found += any(token.encode() in data for data in machine.host.files.values())
        between = Journal(machine.host, "certs renew", "certificates")
        between.add("run", command="true")
        between.complete()
        Run(JOIN, context(machine, workflow=JOIN), Recorded()).apply(JOIN.select())
        assert [path for path, data in machine.host.files.items() if token.encode() in data] == []
    assert found, "no run was killed while the token was on the disk"


def test_a_killed_second_generation_is_rolled_back_to_the_first_and_reset_to_the_host(
    tmp_path: Path,
) -> None:
    steps = INIT.select(["package", "node", "runtime", "kubelet", "kubeadm-config"])

    def changed(folder: Path) -> tuple[Machine, dict[str, bytes], dict[str, bytes]]:
        """A machine whose files of the first generation were changed: the next run writes them again."""
        machine = Machine(folder)
        bare = dict(machine.host.files)
        Run(INIT, context(machine), Recorded()).apply(steps)
        ours = {each.detail["path"] for each in Journal(machine.host).standing()}
        machine.host.files |= {path: b"# other\n" + machine.host.files[path] for path in ours}
        return machine, bare, same_files(machine)

    whole, _, _ = changed(tmp_path / "whole")
    counted = context(whole, -1)
    Run(INIT, counted, Recorded()).apply(steps)
    assert isinstance(counted.journal, Deadly)
    assert len(Journal(whole.host).since(2)) > 10
    for number in range(1, -counted.journal.left):
        machine, bare, before = changed(tmp_path / str(number))
        with pytest.raises(KilledError):
            Run(INIT, context(machine, number), Recorded()).apply(steps)
        roll_back(machine.host, Journal(machine.host), 2)
        assert same_files(machine) == before, f"killed after record {number}"
        plain = replace(machine.context(asked(INIT)), host=machine.host)
        Run(RESET, plain, Recorded()).apply(RESET.select())
        assert machine.host.files == bare, f"killed after record {number}"


def test_a_cut_off_kubeadm_is_run_again_past_what_it_left(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    finished = context(machine)
    Run(INIT, finished, Recorded()).apply(INIT.select(skip=["kubeadm", "cni", "edge-apps"]))
    journal = Journal(machine.host, "init", "kubeadm")
    journal.add("started")
    machine.host.files |= kubeadm_writes()
    Run(INIT, context(machine), Recorded()).apply(INIT.select())
    command = next(line for line in machine.host.ran if line.startswith("kubeadm init"))
    assert "DirAvailable--var-lib-etcd" in command
    assert "Port-6444" in command


def test_half_a_certificate_pair_is_removed_before_kubeadm_takes_it_for_whole(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    Run(INIT, context(machine), Recorded()).apply(INIT.select(skip=["kubeadm", "cni", "edge-apps"]))
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
