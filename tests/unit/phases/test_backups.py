"""The backups of several runs: a bounded number, regardless of the number of runs."""

from __future__ import annotations

from pathlib import Path

from edgeadm.core.journal import BACKUPS, Journal
from edgeadm.core.runner import Run
from edgeadm.workflows import INIT, RESET
from tests.machine import Machine
from tests.reports import Recorded


def test_runs_that_repair_files_keep_the_backups_of_the_first_and_of_the_latest(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    bare = dict(machine.host.files)
    steps = INIT.select(["node", "kubelet"])
    kept = []
    for _ in range(5):
        Run(INIT, machine.context(), Recorded()).apply(steps)
        kept.append(len(machine.host.names(BACKUPS)))
        changed = {each.detail["path"] for each in Journal(machine.host).standing()}
        machine.host.files |= {path: b"# other\n" + machine.host.files[path] for path in changed}
    assert kept[1] > kept[0]
    assert kept[2:] == [kept[2]] * 3
    Run(RESET, machine.context(), Recorded()).apply(RESET.select())
    assert machine.host.files == bare
