"""Takes file changes back, newest first, from what the journal kept."""

from __future__ import annotations

from collections.abc import Iterable

from edgeadm.core.journal import Record
from edgeadm.hosts import Host


def restore(host: Host, changes: Iterable[Record]) -> None:
    """Give every path of the records what it held before. Safe to repeat. The host is a plain one:
    taking back is recorded as `undone` of the phase, not file by file."""
    for record in reversed(list(changes)):
        if record.detail.get("again"):
            continue
        path, before = record.detail["path"], record.detail.get("before")
        if before is None:
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
