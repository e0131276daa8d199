"""A host whose paths are below a directory, for tests of hosts that have no root of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeadm.hosts import FileInfo, PassingHost, Source


@dataclass
class Below(PassingHost):
    """Moves each path below `root`."""

    root: Path

    def read(self, path: str) -> bytes | None:
        return self.real.read(self._at(path))

    def stat(self, path: str) -> FileInfo | None:
        return self.real.stat(self._at(path))

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        moved = {self._at(path): path for path in paths}
        return {moved[at]: info for at, info in self.real.stat_all(moved).items()}

    def names(self, path: str) -> tuple[str, ...]:
        return self.real.names(self._at(path))

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self.real.write(self._at(path), data, mode)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        self.real.put(source, self._at(path), mode)

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        self.real.write_all({self._at(path): content for path, content in files.items()})

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        self.real.put_all([(source, self._at(path), mode) for source, path, mode in files])
        return self.stat_all(path for _, path, _ in files)

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self.real.append(self._at(path), data, mode)

    def remove(self, path: str) -> None:
        self.real.remove(self._at(path))

    def _at(self, path: str) -> str:
        return f"{self.root}/{path.lstrip('/')}"
