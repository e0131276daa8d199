"""Reverts file changes from the journal, newest first."""

from __future__ import annotations

from collections.abc import Iterable

from edgeadm.core.block import without_block
from edgeadm.core.journal import Record
from edgeadm.hosts import Host


def restore(host: Host, changes: Iterable[Record]) -> None:
    """Restore every path of the records. May be repeated. The host is not journaled: the revert is
    recorded as `undone` of the phase, not per file. If only a block of lines is edgeadm's, only the block
    is removed."""
    for record in reversed(list(changes)):
        if record.detail.get("again"):
            continue
        path, before = record.detail["path"], record.detail.get("before")
        if record.detail.get("block") and "target" not in (before or {}):
            _take_out(host, path, was_there=before is not None)
        elif before is None:
            host.remove(path)
            for folder in reversed(record.detail.get("folders", [])):
                if host.stat(folder) is not None and not host.names(folder):
                    host.run("rmdir", "--ignore-fail-on-non-empty", folder)
        elif "target" in before:
            host.run("ln", "-sfn", before["target"], path)
        else:
            kept = host.read(before["backup"])
            if kept is not None:
                host.write(path, kept, before["mode"])


def _take_out(host: Host, path: str, *, was_there: bool) -> None:
    now, found = host.read(path), host.stat(path)
    if now is None or found is None:
        return
    rest = without_block(now)
    if not rest and not was_there:
        host.remove(path)
    elif rest != now:
        host.write(path, rest, found.mode)
