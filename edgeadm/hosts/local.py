"""The local host."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from edgeadm.hosts.base import FileInfo, OnLine, Result, Source
from edgeadm.hosts.file_by_file import FileByFile
from edgeadm.hosts.process import execute


@dataclass
class LocalHost(FileByFile):
    """The local host. With `root`, paths are relative to it, so that tests require no privileges."""

    name: str = "localhost"
    root: Path = field(default_factory=lambda: Path("/"))

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        return execute(argv, stdin=stdin, timeout=timeout)

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        return execute(argv, stdin=stdin, env=env, on_line=on_line).checked()

    def read(self, path: str) -> bytes | None:
        try:
            return self._at(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None

    def stat(self, path: str) -> FileInfo | None:
        at = self._at(path)
        try:
            found = at.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISLNK(found.st_mode):
            return FileInfo("link", mode, found.st_size, str(at.readlink()))
        if stat.S_ISDIR(found.st_mode):
            return FileInfo("dir", mode)
        # Only the kernel sets the time of the last status change, so every write is visible. git relies on
        # this, too.
        stamp = f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}:{found.st_ctime_ns}"
        return FileInfo("file" if stat.S_ISREG(found.st_mode) else "other", mode, found.st_size, stamp=stamp)

    def names(self, path: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(entry.name for entry in self._at(path).iterdir()))
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        def fill(out: IO[bytes]) -> None:
            out.write(data)

        self._replace(path, mode, fill)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        def fill(out: IO[bytes]) -> None:
            with source.local().open("rb") as data:
                shutil.copyfileobj(data, out, 1 << 20)

        self._replace(path, mode, fill)

    def stage(self, source: Source) -> str:
        return str(source.local())

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())

    def remove(self, path: str) -> None:
        """The file, and the temporary file of an interrupted write."""
        with suppress(NotADirectoryError):
            self._at(path).unlink(missing_ok=True)
            _temporary(self._at(path)).unlink(missing_ok=True)

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _replace(self, path: str, mode: int, fill: Callable[[IO[bytes]], None]) -> None:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(target)
        temporary.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as out:
                fill(out)
                out.flush()
                os.fchmod(out.fileno(), mode)
                os.fsync(out.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)  # an interrupted write: it may hold a token
            raise


def _temporary(target: Path) -> Path:
    """The temporary file that replaces the target."""
    return target.with_name(f".{target.name}.edgeadm")
