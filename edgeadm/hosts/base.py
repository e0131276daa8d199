"""What a machine is to edgeadm: a few verbs, and nothing else reaches it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edgeadm.errors import CommandError

OnLine = Callable[[str], None]


class Secret(str):
    """A value that is used as it is and shown as `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def show(argv: tuple[str, ...]) -> str:
    """The command line as people read it, secrets masked."""
    return shlex.join("***" if isinstance(arg, Secret) else arg for arg in argv)


@dataclass(frozen=True)
class Result:
    """What a finished command left behind. `code` is 127 where the program does not exist."""

    argv: tuple[str, ...] = ()
    code: int = 0
    out: str = ""
    err: str = ""

    def checked(self) -> Result:
        """Itself; raises CommandError where the status is not 0."""
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
    """What is at a path: `kind` is file, dir, link or other; `target` where it is a link. `stamp` is
    another one after every write to a file, and of another file; empty where the host cannot tell."""

    kind: str
    mode: int
    size: int = 0
    target: str = ""
    stamp: str = field(default="", compare=False)


class Source(Protocol):
    """A file that edgeadm brings along. `local` may have to unpack it first: dry runs never call it."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    def local(self) -> Path:
        """Where its bytes are on the machine that edgeadm runs on."""


class Host(Protocol):
    """A machine: local, remembered (dry run), written down (journaled) or imagined (tests)."""

    @property
    def name(self) -> str: ...

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        """Run a command that changes nothing; any status comes back."""

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        """Run a command that changes something; a status other than 0 raises CommandError.

        `on_line` gets every line of stdout and stderr while the command runs."""

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None where there is no such file."""

    def stat(self, path: str) -> FileInfo | None:
        """What is at the path, a link not followed; None where there is nothing."""

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        """`stat` of these paths, asked at once; those with nothing at them are left out."""

    def names(self, path: str) -> tuple[str, ...]:
        """The names in a folder, sorted; none where there is no such folder."""

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Put the file there in one step, flushed: a reader sees the old bytes or the new, never a part."""

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        """Copy the source to the path, as `write` does."""

    def stage(self, source: Source) -> str:
        """A path on the host from which a command can read the source during this run."""

    def write_all(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        """`write` each path with its bytes and mode, in order."""

    def put_all(self, files: Sequence[tuple[Source, str, int]]) -> dict[str, FileInfo]:
        """`put` each source at its path with its mode, in order; what is at each path then comes back."""

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """Add to the end of the file, flushed to disk before it returns."""

    def remove(self, path: str) -> None:
        """Remove the file or link if it is there."""
