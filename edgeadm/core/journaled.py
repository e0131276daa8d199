"""A Host that writes each change into the journal, with a backup, before it makes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from edgeadm.core.block import has_block
from edgeadm.core.journal import BACKUPS, Journal
from edgeadm.hosts import FileInfo, Host, OnLine, PassingHost, Result, Source, show


@dataclass
class JournaledHost(PassingHost):
    """Reads go straight through. A write that would change nothing is not made and not recorded."""

    journal: Journal

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        self.journal.add("run", command=show(argv))
        return self.real.run(*argv, stdin=stdin, env=env, on_line=on_line)

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self.write_all({path: (data, mode)})

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        self._look(files)
        due = {path: each for path, each in files.items() if not self._holds(path, *each)}
        self._announce((path, {"block": True} if has_block(data) else {}) for path, (data, _) in due.items())
        if due:
            self.real.write_all(due)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        self.put_all([(source, path, mode)])

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        self._look(path for _, path, _ in files)
        due = [(source, path, mode) for source, path, mode in files if not self._has(source, path, mode)]
        self._announce((path, {}) for _, path, _ in due)
        new = self.real.put_all(due) if due else {}
        found = {path: new.get(path) or self.real.stat(path) for _, path, _ in files}
        return {path: info for path, info in found.items() if info is not None}

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self._announce([(path, {})])
        self.real.append(path, data, mode)

    def remove(self, path: str) -> None:
        found = self.real.stat(path)
        if found is not None:
            self.journal.add("remove", **self._detail(path, found))
            self.real.remove(path)

    def _look(self, paths: Iterable[str]) -> None:
        """Ask at once about all that `_announce` will want to know."""
        wanted = list(paths)
        self.real.stat_all([*wanted, *dict.fromkeys(above for path in wanted for above in _above(path))])

    def _holds(self, path: str, data: bytes, mode: int) -> bool:
        found = self.real.stat(path)
        return found == FileInfo("file", mode, len(data)) and self.real.read(path) == data

    def _has(self, source: Source, path: str, mode: int) -> bool:
        found = self.real.stat(path)
        return found == FileInfo("file", mode, source.size) and same_bytes(self.real, source, path)

    def _announce(self, paths: Iterable[tuple[str, dict[str, bool]]]) -> None:
        """Record at once all files that will be written, with their previous content."""
        events: list[tuple[str, dict[str, Any]]] = []
        for path, more in paths:
            found = self.real.stat(path)
            events.append(("write", self._detail(path, found, len(events)) | more))
        if events:
            self.journal.add_all(events)

    def _detail(self, path: str, found: FileInfo | None, place: int = 0) -> dict[str, Any]:
        detail: dict[str, Any] = {"path": path, "before": None}
        if found is None:
            detail["folders"] = self._missing_folders(path)
        elif found.kind == "file" and not self.journal.saved(path):
            ours = {"ours": True} if self.journal.ours(path) else {}
            detail["before"] = {"mode": found.mode, "backup": self._backup(path, found, place)} | ours
        elif found.kind == "link":
            detail["before"] = {"target": found.target}
        else:
            detail["again"] = True
        return detail

    def _backup(self, path: str, found: FileInfo, place: int) -> str:
        kept = f"{BACKUPS}/{len(self.journal.records()) + place:06d}-{path.rpartition('/')[2]}"
        self.real.write(kept, self.real.read(path) or b"", found.mode & 0o600)
        return kept

    def _missing_folders(self, path: str) -> list[str]:
        """Missing parent directories that the write creates, outermost first."""
        return [*takewhile(lambda folder: self.real.stat(folder) is None, _above(path))][::-1]


def _above(path: str) -> Iterator[str]:
    """The directories above the path, innermost first."""
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def same_bytes(host: Host, source: Source, path: str) -> bool:
    """Whether the file at the path has the content of the source."""
    return hashlib.sha256(host.read(path) or b"").hexdigest() == source.sha256
