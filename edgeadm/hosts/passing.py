"""A forwarding Host: the base class of hosts that add a function to another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgeadm.hosts.base import FileInfo, Host, OnLine, Result, Source


@dataclass
class PassingHost:
    """Forwards all calls to the real host. Subclasses override some of them."""

    real: Host

    @property
    def name(self) -> str:
        return self.real.name

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        return self.real.ask(*argv, stdin=stdin, timeout=timeout)

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        return self.real.run(*argv, stdin=stdin, env=env, on_line=on_line)

    def read(self, path: str) -> bytes | None:
        return self.real.read(path)

    def stat(self, path: str) -> FileInfo | None:
        return self.real.stat(path)

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        return self.real.stat_all(paths)

    def names(self, path: str) -> tuple[str, ...]:
        return self.real.names(path)

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self.real.write(path, data, mode)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        self.real.put(source, path, mode)

    def stage(self, source: Source) -> str:
        return self.real.stage(source)

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        self.real.write_all(files)

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        return self.real.put_all(files)

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self.real.append(path, data, mode)

    def remove(self, path: str) -> None:
        self.real.remove(path)
