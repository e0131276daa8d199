"""A Host that records changes without making them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edgeadm.hosts.base import FileInfo, OnLine, Result, Source, show
from edgeadm.hosts.passing import PassingHost


@dataclass
class DryHost(PassingHost):
    """Reads use the real host; changes are recorded, and later reads return them."""

    note: Callable[[str], None]
    changed: dict[str, tuple[bytes, int] | None] = field(default_factory=dict)

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",  # noqa: ARG002
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        on_line: OnLine | None = None,  # noqa: ARG002
    ) -> Result:
        self.note(f"run {show(argv)}")
        return Result(argv)

    def read(self, path: str) -> bytes | None:
        if path in self.changed:
            change = self.changed[path]
            return change[0] if change else None
        return self.real.read(path)

    def stat(self, path: str) -> FileInfo | None:
        if path in self.changed:
            change = self.changed[path]
            return FileInfo("file", change[1], len(change[0])) if change else None
        return self.real.stat(path)

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        return {path: found for path in paths if (found := self.stat(path)) is not None}

    def names(self, path: str) -> tuple[str, ...]:
        found = set(self.real.names(path))
        for changed, change in self.changed.items():
            folder, _, name = changed.rpartition("/")
            if folder == path.rstrip("/"):
                found = found | {name} if change else found - {name}
        return tuple(sorted(found))

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        if self.read(path) != data:
            self.note(f"write {path} ({len(data)} bytes, mode {mode:04o})")
        self.changed[path] = (data, mode)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        self.note(f"write {path} ({source.size} bytes, mode {mode:04o})")

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        for path, (data, mode) in files.items():
            self.write(path, data, mode)

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        for source, path, mode in files:
            self.put(source, path, mode)
        return {path: FileInfo("file", mode, source.size) for source, path, mode in files}

    def stage(self, source: Source) -> str:
        return f"<package>/{source.sha256[:12]}"

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self.changed[path] = ((self.read(path) or b"") + data, mode)

    def remove(self, path: str) -> None:
        if self.stat(path) is not None:
            self.note(f"remove {path}")
        self.changed[path] = None
