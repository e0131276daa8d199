"""Leftovers of a sandbox on this host after its deletion, also after a kill: none. It must run alone, because
it compares the whole host."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.hosts.base import Result
from edgeadm.hosts.process import spawn
from edgeadm.sandbox import Kind, Sandbox, Store, supplies
from tests.e2e import leftovers
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
Edgeadm = Callable[..., Result]


def test_down_leaves_nothing(store: Store, executable: Path, edgeadm: Edgeadm, tmp_path: Path) -> None:
    supplies.ensure_tools(print, dhcp=True)
    own = Store(tmp_path / "store")
    own.base.mkdir()
    store.images.mkdir(parents=True, exist_ok=True)
    own.images.symlink_to(store.images)
    names = [f"t-{os.getpid()}-{word}" for word in ("whole", "killed", "half")]
    mine = (*names, str(own.base))
    before = leftovers.look()
    # One is complete, one was killed during its creation, one has lost its record.
    for name in (names[0], names[2]):
        Sandbox(name, own).up(edges=1, executable=executable, kind=Kind(dhcp=True, second_card="card"))
    argv = [sys.executable, "-m", "edgeadm", "sandbox", "up", "--install-pkg-path=none", f"--name={names[1]}"]
    os.environ["EDGEADM_SANDBOX_DIR"] = str(own.base)
    victim = spawn(argv, tmp_path / "log")
    del os.environ["EDGEADM_SANDBOX_DIR"]
    while not (own.node_folder(names[1], "cp1") / "run.pid").exists():
        assert Path(f"/proc/{victim}").exists(), (tmp_path / "log").read_text()
    os.kill(victim, signal.SIGKILL)
    (own.folder(names[2]) / "sandbox.json").unlink()
    assert len(leftovers.processes(mine)) > 10
    for _ in range(2):
        done = edgeadm("sandbox", "down", "--all", EDGEADM_SANDBOX_DIR=str(own.base))
        assert done.code == 0, done.err
        # this host's init reaps the processes
        until(lambda: leftovers.processes(mine) == [], "no process is left", 120)
        assert leftovers.new(before, leftovers.look(), mine) == {}
    assert sorted(entry.name for entry in own.base.iterdir()) == [".subnets.lock", "images"]
