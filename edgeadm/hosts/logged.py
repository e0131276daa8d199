"""A Host that logs every command and change, with masked secrets."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm.config.secret import Secret, masked
from edgeadm.hosts.base import FileInfo, OnLine, Result, Source, show
from edgeadm.hosts.passing import PassingHost


@dataclass
class RunLog:
    """A log that is kept in memory until the first change: read-only runs leave no file."""

    path: Path
    secrets: set[str] = field(default_factory=set)
    _waiting: list[str] = field(default_factory=list)
    _open: bool = False

    @property
    def written(self) -> str:
        """The path, if a file was written, else an empty string."""
        return str(self.path) if self._open else ""

    def add(self, text: str) -> None:
        self._waiting.append(f"{time.strftime('%H:%M:%S')} {masked(text, self.secrets)}\n")
        if self._open:
            self._flush()

    def keep(self) -> None:
        """Write the log to its file from now on."""
        if not self._open:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open = True
            self._flush()

    def discard(self) -> None:
        """Delete all logs of edgeadm, including this one; later entries are discarded."""
        for path in self.path.parent.glob("*.log"):
            path.unlink()
        with suppress(OSError):
            self.path.parent.rmdir()
        self._open = False

    def _flush(self) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            out.writelines(self._waiting)
        self._waiting.clear()


@dataclass
class LoggedHost(PassingHost):
    """Forwards all calls, and logs them."""

    log: RunLog

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        result = self.real.ask(*argv, stdin=stdin, timeout=timeout)
        self.log.add(f"ask {show(argv)} -> {result.code}")
        return result

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        self.log.secrets |= {str(arg) for arg in argv if isinstance(arg, Secret)}
        self.log.keep()
        self.log.add(f"run {show(argv)}")

        def line(text: str) -> None:
            self.log.add(f"  | {text}")
            if on_line is not None:
                on_line(text)

        result = self.real.run(*argv, stdin=stdin, env=env, on_line=line)
        self.log.add(f"  -> {result.code}")
        return result

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._change(f"write {path} ({len(data)} bytes, mode {mode:04o})")
        self.real.write(path, data, mode)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        self._change(f"put {path} (mode {mode:04o})")
        self.real.put(source, path, mode)

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        for path, (data, mode) in files.items():
            self._change(f"write {path} ({len(data)} bytes, mode {mode:04o})")
        self.real.write_all(files)

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        for _, path, mode in files:
            self._change(f"put {path} (mode {mode:04o})")
        return self.real.put_all(files)

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self.log.keep()
        self.real.append(path, data, mode)

    def remove(self, path: str) -> None:
        self._change(f"remove {path}")
        self.real.remove(path)

    def _change(self, text: str) -> None:
        self.log.keep()
        self.log.add(text)
