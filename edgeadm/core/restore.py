"""Reverts file changes from the journal: all of them, or those of the latest generations. Deletes backups
that no revert requires."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from edgeadm.core.block import block_of, with_block, without_block
from edgeadm.core.journal import BACKUPS, Journal, Record
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Host


class BackupDeletedError(EdgeadmError):
    """The generation can no longer be reverted: its backups were deleted when a later one was complete."""

    code = "backup-deleted"
    exit_code = 2


def restore(host: Host, changes: Iterable[Record]) -> None:
    """Restore every path of the records to its state before the first of them. May be repeated. The host is
    not journaled: the revert is recorded as `undone` of the phase or the generation, not per file. If only a
    block of lines is edgeadm's, only the block is restored or removed."""
    every = [each for each in changes if not each.detail.get("again")]
    first: dict[str, int] = {}
    for record in every:
        first.setdefault(record.detail["path"], record.generation)
    for record in reversed(every):
        # Later generations only lead back to the first one.
        if record.generation == first[record.detail["path"]]:
            _restore(host, record)


def roll_back(host: Host, journal: Journal, generation: int) -> None:
    """Restore every file to its state before this generation, and record it: earlier generations stay. May be
    repeated, also after an interruption. The host is not journaled.

    Raises BackupDeletedError, before any change, if the backups of this generation were deleted.
    """
    changes = journal.since(generation)
    there = _backups(host)
    for record in _first_of_each_path(changes):
        kept = _backup(record)
        if kept and kept not in there:
            raise BackupDeletedError(
                f"{record.detail['path']} cannot be reverted to its state before generation {generation}: "
                f"{kept} was deleted",
                hint="only the latest generation can be reverted alone, or all of them with `edgeadm reset`",
            )
    restore(host, changes)
    journal.undone_since(generation)


def prune(journal: Journal) -> None:
    """Delete the backups that no revert requires, after a run is complete. May be repeated, also after an
    interruption.

    The first backup of each path by each phase stays, because reset restores it and a phase can be reverted
    alone, and so do the backups of the latest generation. Files that no record names stay, too.
    """
    changes = [each for each in journal.records() if each.event in ("write", "remove")]
    latest = max((each.generation for each in changes), default=0)
    needed: set[str] = set()
    first: set[tuple[str, str]] = set()
    for record in journal.standing():
        key = record.phase, record.detail["path"]
        if key not in first or record.generation == latest:
            needed.add(_backup(record))
        first.add(key)
    spare = {_backup(each) for each in changes} - needed
    if spare:
        for path in sorted(spare & _backups(journal.host)):
            journal.host.remove(path)


def content_before(host: Host, journal: Journal, path: str, generation: int) -> bytes | None:
    """The content of a file before this generation; None if it did not exist, or if its backup was
    deleted."""
    for record in journal.since(generation):
        if record.detail["path"] != path or record.detail.get("again"):
            continue
        before = record.detail["before"]
        if before is None:
            return None
        target = before.get("backup") or posixpath.join(posixpath.dirname(path), before["target"])
        return host.read(target)
    return host.read(path)


def _backup(record: Record) -> str:
    """The path of the record's backup; empty if it has none."""
    return str((record.detail.get("before") or {}).get("backup", ""))


def _backups(host: Host) -> set[str]:
    return {f"{BACKUPS}/{name}" for name in host.names(BACKUPS)}


def _first_of_each_path(changes: Iterable[Record]) -> Iterable[Record]:
    first: dict[str, Record] = {}
    for record in changes:
        if not record.detail.get("again"):
            first.setdefault(record.detail["path"], record)
    return first.values()


def _restore(host: Host, record: Record) -> None:
    path, before = record.detail["path"], record.detail.get("before")
    if record.detail.get("block") and "target" not in (before or {}):
        _restore_block(host, path, before)
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


def _restore_block(host: Host, path: str, before: dict[str, object] | None) -> None:
    """The block that an earlier generation wrote, or none."""
    now, found = host.read(path), host.stat(path)
    if now is None or found is None:
        return
    rest = without_block(now)
    if before is not None and before.get("ours"):
        rest = with_block(rest, block_of(host.read(str(before["backup"])) or b""))
    if not rest and before is None:
        host.remove(path)
    elif rest != now:
        host.write(path, rest, found.mode)
