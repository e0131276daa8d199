"""Programs: what is known to be in place is not read again, and what was changed since is found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeadm.core.phase import Context
from edgeadm.hosts.passing import PassingHost
from edgeadm.phases.package import InstallPrograms
from tests.machine import Machine


@dataclass
class Watched(PassingHost):
    """Keeps what was read through it."""

    reads: list[str] = field(default_factory=list)

    def read(self, path: str) -> bytes | None:
        self.reads.append(path)
        return self.real.read(path)


def installed(machine: Machine) -> tuple[Context, Watched]:
    """A machine on which the phase has run, and the host through which the next one looks."""
    ctx = machine.context()
    ctx.journal.verb, ctx.journal.phase = "init", "package"
    InstallPrograms().apply(ctx)
    watched = Watched(machine.host)
    return replace(machine.context(), host=watched), watched


def test_a_program_that_nobody_touched_is_not_read_again(tmp_path: Path) -> None:
    ctx, watched = installed(Machine(tmp_path))
    assert not InstallPrograms().check(ctx).needed
    assert [path for path in watched.reads if "/bin/" in path] == []


def test_a_program_that_was_changed_is_found_and_put_right(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ctx, _ = installed(machine)
    good = machine.host.files["/usr/bin/kubelet"]
    machine.host.files["/usr/bin/kubelet"] = good[::-1]
    assert InstallPrograms().check(ctx).reason == "1 binaries are missing or differ"
    InstallPrograms().apply(machine.context())
    assert machine.host.files["/usr/bin/kubelet"] == good


def test_what_an_older_run_installed_is_compared_byte_by_byte(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ctx, watched = installed(machine)
    lines = machine.host.files["/var/lib/edgeadm/journal.jsonl"].splitlines(keepends=True)
    older = b"".join(line for line in lines if b'"installed"' not in line)
    machine.host.files["/var/lib/edgeadm/journal.jsonl"] = older
    assert not InstallPrograms().check(replace(machine.context(), host=ctx.host)).needed
    assert "/usr/bin/kubelet" in watched.reads
