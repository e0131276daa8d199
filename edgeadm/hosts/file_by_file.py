"""Calls for several files, made of the calls for one: for hosts to which a call costs nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from edgeadm.hosts.base import FileInfo, Source


class FileByFile(ABC):
    """The base of such hosts."""

    @abstractmethod
    def stat(self, path: str) -> FileInfo | None: ...

    @abstractmethod
    def write(self, path: str, data: bytes, mode: int = 0o644) -> None: ...

    @abstractmethod
    def put(self, source: Source, path: str, mode: int = 0o755) -> None: ...

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        return {path: found for path in paths if (found := self.stat(path)) is not None}

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        for path, (data, mode) in files.items():
            self.write(path, data, mode)

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        for source, path, mode in files:
            self.put(source, path, mode)
        return self.stat_all(path for _, path, _ in files)
