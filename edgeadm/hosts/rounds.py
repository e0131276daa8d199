"""Questions to a host that answers many of them in one round trip, for code that asks one after the other.

The code runs several times. Each run gets the known answers, and for each unknown one the answer of a host
without this file or program; the questions are noted. Then all of them are asked at once. The last run knows
every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from edgeadm.hosts.base import FileInfo, Host, Result
from edgeadm.hosts.passing import PassingHost
from edgeadm.hosts.remembered import RememberedHost

T = TypeVar("T")
MOST = 20
Key = tuple[str, Any]


@runtime_checkable
class Prefetching(Protocol):
    """A host to which questions can be sent ahead (edgeadm/hosts/ssh/host.py)."""

    def prefetch(
        self,
        asks: Iterable[tuple[str, ...]] = (),
        reads: Iterable[str] = (),
        stats: Iterable[tuple[str, ...]] = (),
        names: Iterable[str] = (),
    ) -> None:
        """Send all of these in one message. The next call with equal arguments returns the reply."""


@dataclass
class RoundsHost(PassingHost):
    """Answers what is known, and notes the rest. Commands with stdin or a time limit are asked directly."""

    _known: dict[Key, Any] = field(default_factory=dict)
    _wanted: dict[Key, None] = field(default_factory=dict)

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        if stdin or timeout is not None:
            return self.real.ask(*argv, stdin=stdin, timeout=timeout)
        found: Result = self._look(("ask", argv), Result(argv, 127))
        return found

    def read(self, path: str) -> bytes | None:
        found: bytes | None = self._look(("read", path), None)
        return found

    def stat(self, path: str) -> FileInfo | None:
        found: FileInfo | None = self._look(("stat", path), None)
        return found

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        return {path: found for path in tuple(paths) if (found := self.stat(path)) is not None}

    def names(self, path: str) -> tuple[str, ...]:
        found: tuple[str, ...] = self._look(("names", path), ())
        return found

    def is_complete(self) -> bool:
        """Whether every question since the last `fetch` was known."""
        return not self._wanted

    def fetch(self) -> None:
        """Ask all questions that were noted."""
        asks, reads, stats, names = (self._of(kind) for kind in ("ask", "read", "stat", "names"))
        if isinstance(self.real, Prefetching):
            self.real.prefetch(asks, reads, [tuple(stats)] if stats else [], names)
        self._known |= {("ask", argv): self.real.ask(*argv) for argv in asks}
        self._known |= {("read", path): self.real.read(path) for path in reads}
        self._known |= {("names", path): self.real.names(path) for path in names}
        there = self.real.stat_all(tuple(stats)) if stats else {}
        self._known |= {("stat", path): there.get(path) for path in stats}
        self._wanted.clear()

    def _of(self, kind: str) -> list[Any]:
        return [value for each, value in self._wanted if each == kind]

    def _look(self, key: Key, absent: Any) -> Any:
        if key in self._known:
            return self._known[key]
        self._wanted[key] = None
        return absent


def in_rounds(host: Host, work: Callable[[Host], T]) -> T:
    """The result of work that only reads the host and may be repeated. An exception of a run with unknown
    answers is disregarded; that of the last run is raised. A host that cannot prefetch is asked directly."""
    if not isinstance(host, Prefetching):
        return work(RememberedHost(host))
    rounds = RoundsHost(host)
    for _ in range(MOST):
        try:
            found = work(rounds)
        except Exception:
            if rounds.is_complete():
                raise
        else:
            if rounds.is_complete():
                return found
        rounds.fetch()
    return work(RememberedHost(host))
