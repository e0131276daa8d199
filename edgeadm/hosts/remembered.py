"""A Host that remembers answers until something changes, so that each fact is asked for once per change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeadm.hosts.base import FileInfo, OnLine, Result, Source
from edgeadm.hosts.passing import PassingHost

OWN = ("/etc/edgeadm", "/var/lib/edgeadm")
# What no command of edgeadm's changes.
CGROUPS = ("stat", "-f", "-c", "%T", "/sys/fs/cgroup")
LASTING = (("hostname",), ("uname", "-m"), ("id", "-u"), CGROUPS)


@dataclass
class RememberedHost(PassingHost):
    """A write, put or remove discards cached results of that path, of its parent directories, and of
    all commands; a changing command discards all, except those of edgeadm's own directories if it does
    not name one of them. Other programs change the host, too: `forget` is called before each probe of a
    wait, and after each phase with changes."""

    _files: dict[tuple[str, str], Any] = field(default_factory=dict)
    _asked: dict[tuple[Any, ...], Result] = field(default_factory=dict)

    def forget(self) -> None:
        """Discard all cached results, except those of paths that only edgeadm changes."""
        self._files = {key: each for key, each in self._files.items() if _is_ours(key[1])}
        self._asked = {key: each for key, each in self._asked.items() if key[0] in LASTING}

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        key = (argv, stdin)
        if key not in self._asked:
            self._asked[key] = self.real.ask(*argv, stdin=stdin, timeout=timeout)
        return self._asked[key]

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        try:
            return self.real.run(*argv, stdin=stdin, env=env, on_line=on_line)
        finally:
            if any(map(_is_ours, argv)):
                self._files.clear()
            self.forget()

    def read(self, path: str) -> bytes | None:
        if ("read", path) not in self._files:
            absent = self._files.get(("stat", path), path) is None
            self._files["read", path] = None if absent else self.real.read(path)
        found: bytes | None = self._files["read", path]
        return found

    def stat(self, path: str) -> FileInfo | None:
        if ("stat", path) not in self._files:
            self._files["stat", path] = self.real.stat(path)
        found: FileInfo | None = self._files["stat", path]
        return found

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        wanted = tuple(paths)
        new = [path for path in dict.fromkeys(wanted) if ("stat", path) not in self._files]
        if new:
            found = self.real.stat_all(new)
            self._files |= {("stat", path): found.get(path) for path in new}
        return {path: info for path in wanted if (info := self.stat(path)) is not None}

    def names(self, path: str) -> tuple[str, ...]:
        if ("names", path) not in self._files:
            self._files["names", path] = self.real.names(path)
        found: tuple[str, ...] = self._files["names", path]
        return found

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        try:
            self.real.write(path, data, mode)
        finally:
            self._changed(path)

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        try:
            self.real.put(source, path, mode)
        finally:
            self._changed(path)

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        try:
            self.real.write_all(files)
        finally:
            self._changed(*files)

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        try:
            found = self.real.put_all(files)
        finally:
            self._changed(*(path for _, path, _ in files))
        self._files |= {("stat", path): info for path, info in found.items()}
        return found

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        try:
            self.real.append(path, data, mode)
        finally:
            self._changed(path)

    def remove(self, path: str) -> None:
        try:
            self.real.remove(path)
        finally:
            self._changed(path)

    def _changed(self, *paths: str) -> None:
        self._asked = {key: each for key, each in self._asked.items() if key[0] in LASTING}
        for path in paths:
            for verb in ("read", "stat", "names"):
                self._files.pop((verb, path), None)
            folder = path.rpartition("/")[0]
            while folder:
                # An existing directory keeps its kind and mode when files are written to it.
                if self._files.get(("stat", folder)) is None:
                    self._files.pop(("stat", folder), None)
                self._files.pop(("names", folder), None)
                folder = folder.rpartition("/")[0]


def _is_ours(word: str) -> bool:
    """Whether it is, or names, a path in a directory that no other program writes to."""
    return any(folder in word for folder in OWN)
