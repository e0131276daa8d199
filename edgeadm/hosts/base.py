"""The interface to a host: a few methods, through which all access goes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edgeadm.config.secret import Secret
from edgeadm.errors import CommandError

OnLine = Callable[[str], None]


def show(argv: tuple[str, ...]) -> str:
    """The command line for display, with masked secrets."""
    return shlex.join("***" if isinstance(arg, Secret) else arg for arg in argv)


@dataclass(frozen=True)
class Result:
    """The result of a command. `code` is 127 if the program does not exist."""

    argv: tuple[str, ...] = ()
    code: int = 0
    out: str = ""
    err: str = ""

    def checked(self) -> Result:
        """Itself. Raises CommandError if the status is not 0."""
        if self.code:
            tail = (self.err.strip() or self.out.strip()).splitlines()[-20:]
            raise CommandError(
                f"`{show(self.argv)}` exited with status {self.code}",
                context="\n".join(tail),
                status=self.code,
            )
        return self


@dataclass(frozen=True)
class FileInfo:
    """The status of a path: `kind` is file, dir, link or other; `target` is set for links. `stamp` changes
    with every write to a file and differs between files; empty if the host does not provide it."""

    kind: str
    mode: int
    size: int = 0
    target: str = ""
    stamp: str = field(default="", compare=False)


class Source(Protocol):
    """A file from edgeadm or a package. `local` may have to unpack it first; dry runs never call it."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    def local(self) -> Path:
        """Its path on the host that runs edgeadm."""


class Host(Protocol):
    """A host: local, simulated (dry run), journaled, or in memory (tests)."""

    @property
    def name(self) -> str: ...

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        """Run a command that changes nothing; returns any exit status."""

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        """Run a command that changes something. Raises CommandError if the status is not 0.

        `on_line` receives every line of stdout and stderr while the command runs.
        """

    def read(self, path: str) -> bytes | None:
        """The file's content, or None if the file does not exist."""

    def stat(self, path: str) -> FileInfo | None:
        """The status of the path, without following links, or None if it does not exist."""

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        """`stat` of these paths, asked at once; those with nothing at them are left out."""

    def names(self, path: str) -> tuple[str, ...]:
        """The names in a directory, sorted; empty if it does not exist."""

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Write the file atomically and flush it: readers see either the old or the new content."""

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        """Copy the source to the path, as `write` does."""

    def stage(self, source: Source) -> str:
        """A path on the host at which commands can read the source during this run."""

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        """`write` each path with its bytes and mode, in order."""

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        """`put` each source at its path with its mode, in order; what is at each path then comes back."""

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """Append to the file and flush it to the disk."""

    def remove(self, path: str) -> None:
        """Remove the file or link, if it exists."""
