"""A Host that writes each change into the journal, with a backup, before it makes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
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
        found = self.real.stat(path)
        if found == FileInfo("file", mode, len(data)) and self.real.read(path) == data:
            return
        self._note("write", path, found, **({"block": True} if has_block(data) else {}))
        self.real.write(path, data, mode)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        found = self.real.stat(path)
        if found == FileInfo("file", mode, source.size) and same_bytes(self.real, source, path):
            return
        self._note("write", path, found)
        self.real.put(source, path, mode)

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self._note("write", path, self.real.stat(path))
        self.real.append(path, data, mode)

    def remove(self, path: str) -> None:
        found = self.real.stat(path)
        if found is not None:
            self._note("remove", path, found)
            self.real.remove(path)

    def _note(self, event: str, path: str, found: FileInfo | None, **more: bool) -> None:
        detail: dict[str, Any] = {"path": path, "before": None, **more}
        if found is None:
            detail["folders"] = self._missing_folders(path)
        elif found.kind == "file" and not self._known(path):
            detail["before"] = {"mode": found.mode, "backup": self._backup(path, found)}
        elif found.kind == "link":
            detail["before"] = {"target": found.target}
        else:
            detail["again"] = True
        self.journal.add(event, **detail)

    def _known(self, path: str) -> bool:
        """Whether an earlier record of this path contains the state before edgeadm."""
        return self.journal.ours(path)

    def _backup(self, path: str, found: FileInfo) -> str:
        kept = f"{BACKUPS}/{len(self.journal.records()):06d}-{path.rpartition('/')[2]}"
        self.real.write(kept, self.real.read(path) or b"", found.mode & 0o600)
        return kept

    def _missing_folders(self, path: str) -> list[str]:
        """Missing parent directories that the write creates, outermost first."""
        missing: list[str] = []
        folder = path.rpartition("/")[0]
        while folder and self.real.stat(folder) is None:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        return missing[::-1]


def same_bytes(host: Host, source: Source, path: str) -> bool:
    """Whether the file at the path has the content of the source."""
    return hashlib.sha256(host.read(path) or b"").hexdigest() == source.sha256
