"""The journals of runs: one JSON line per transition of a machine, on the host of the operator.

A line is on the disk before the engine acts on it. A line that a crash cut off is ignored. Values are states,
codes, messages without secrets, and IDs of tokens (which are not secret).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import quote

from edgeadm.assets import state_root
from edgeadm.core.lock import lock
from edgeadm.errors import LockedError
from edgeadm.fleet.errors import FleetLockedError, RunJournalError
from edgeadm.fleet.states import State

SCHEMA = 1
SUFFIX = ".jsonl"
LOCK = "lock"
# Runs of a fleet that are kept.
KEPT = 100
Line = Mapping[str, Any]


class Records(Protocol):
    """The place of the lines of a run."""

    @property
    def name(self) -> str:
        """The path of the journal, empty if there is none."""

    def add(self, **fields: Any) -> None:
        """Add a line; it is durable after the next `flush`."""

    def flush(self) -> None:
        """Write the added lines to the disk."""


class Unrecorded:
    """The journal of a run that changes nothing."""

    name = ""

    def add(self, **fields: Any) -> None:
        """Does nothing."""

    def flush(self) -> None:
        """Does nothing."""


def runs_root() -> Path:
    """The directory of the runs of all fleets of this user."""
    return state_root() / "fleet"


def folder_of(fleet: str, root: Path) -> Path:
    """The directory of the runs of a fleet, whatever characters its name contains."""
    safe = quote(fleet, safe="")
    return root / (safe if safe.strip(".") else f"_{safe}")


@contextmanager
def held(folder: Path, command: str) -> Iterator[None]:
    """Hold the lock of a fleet, which ends with this process. Raises FleetLockedError."""
    _make(folder)
    try:
        with lock(command, folder / LOCK):
            yield
    except LockedError as error:
        if isinstance(error, FleetLockedError):
            raise
        raise FleetLockedError(
            "another run for this fleet is in progress",
            context=error.context,
            hint="wait until it has ended, or end it with Ctrl-C and continue with `--resume`",
        ) from None


@dataclass
class RunJournal:
    """The journal of one run, open for writing."""

    path: Path
    _lines: list[str] = field(default_factory=list)
    _lock: Any = field(default_factory=Lock)

    @property
    def name(self) -> str:
        return str(self.path)

    def add(self, **fields: Any) -> None:
        """Add a line."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, **fields}, ensure_ascii=False)
        with self._lock:
            self._lines.append(line)

    def flush(self) -> None:
        """Write the added lines to the disk, with one fsync. Raises RunJournalError."""
        with self._lock:
            if not self._lines:
                return
            data = "".join(f"{each}\n" for each in self._lines).encode()
            try:
                fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    while data:
                        data = data[os.write(fd, data) :]
                    os.fsync(fd)
                finally:
                    os.close(fd)
            except OSError as error:
                raise RunJournalError(
                    f"`{self.path}` cannot be written: {error.strerror}",
                    hint="free space there, and continue with `--resume`",
                ) from error
            self._lines.clear()


@dataclass(frozen=True)
class Past:
    """A run that was recorded. `machines` are the fingerprints of its machines by name; `states` their last
    states; `reset` the machines whose reset ended; `tokens` the IDs of tokens that were not revoked, with
    their machines."""

    path: Path
    run: str = ""
    fleet: str = ""
    verb: str = ""
    document: str = ""
    started: str = ""
    ended: bool = False
    machines: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, Line] = field(default_factory=dict)
    reset: frozenset[str] = frozenset()
    tokens: Mapping[str, str] = field(default_factory=dict)

    def state(self, machine: str) -> State:
        """The last state of a machine."""
        return State(self.states.get(machine, {}).get("state", State.KNOWN))

    def as_dict(self) -> dict[str, Any]:
        """The run as a document for `-o json`."""
        counts: dict[str, int] = {}
        for name in self.machines:
            state = self.state(name).value
            counts[state] = counts.get(state, 0) + 1
        return {
            "run": self.run,
            "verb": self.verb,
            "started": self.started,
            "ended": self.ended,
            "states": counts,
            "journal": str(self.path),
        }


def runs(folder: Path) -> list[Path]:
    """The journals of a fleet, the newest first: identifiers of runs sort by time."""
    if not folder.is_dir():
        return []
    return sorted((each for each in folder.iterdir() if each.suffix == SUFFIX), reverse=True)


def forget(pasts: Sequence[Past]) -> None:
    """Delete the oldest of these runs, from the newest to the oldest, beyond the number that is kept; those
    whose tokens may exist stay."""
    for each in pasts[KEPT:]:
        if not each.tokens:
            each.path.unlink(missing_ok=True)


def create(folder: Path, run: str, **header: Any) -> RunJournal:
    """The journal of a new run, whose first line is the header."""
    _make(folder)
    journal = RunJournal(folder / f"{run}{SUFFIX}")
    journal.add(event="run", schema=SCHEMA, run=run, **header)
    journal.flush()
    return journal


def reopen(path: Path, **header: Any) -> RunJournal:
    """The journal of a run that is resumed; a line that was cut off is removed."""
    whole = path.read_bytes()
    kept = whole.rfind(b"\n") + 1
    if kept != len(whole):
        os.truncate(path, kept)
    journal = RunJournal(path)
    journal.add(event="resumed", **header)
    journal.flush()
    return journal


def read(path: Path) -> Past:
    """The content of a journal. Raises RunJournalError if a line other than the last one is damaged."""
    fields: dict[str, Any] = {}
    states: dict[str, Line] = {}
    reset: set[str] = set()
    tokens: dict[str, str] = {}
    for line in _lines(path):
        event = line.get("event")
        if event in ("run", "resumed"):
            names = ("run", "fleet", "verb", "document", "machines")
            fields |= {name: line[name] for name in names if name in line}
            fields.setdefault("started", line.get("time", ""))
        elif event == "machine":
            name = str(line.get("machine"))
            if line.get("before") == State.RESETTING and line.get("state") in (State.JOINING, State.RESET):
                reset.add(name)
            states[name] = line
        elif event == "token":
            tokens[str(line.get("id"))] = str(line.get("machine"))
        elif event == "revoked":
            tokens.pop(str(line.get("id")), None)
        fields["ended"] = event == "end"
    return Past(path, states=states, reset=frozenset(reset), tokens=tokens, **fields)


def _lines(path: Path) -> Iterator[Line]:
    parts: Sequence[bytes] = path.read_bytes().split(b"\n")
    for number, part in enumerate(parts, 1):
        try:
            line = json.loads(part) if part else None
        except ValueError:
            if number == len(parts):
                return
            raise RunJournalError(
                f"`{path}`, line {number}: not JSON",
                hint="start a new run without `--resume`: machines that have joined are recognized",
            ) from None
        if isinstance(line, dict):
            yield line


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RunJournalError(
            f"`{folder}` cannot be created: {error.strerror}",
            hint="set XDG_STATE_HOME to a directory that you can write to",
        ) from error
    with suppress(OSError):
        folder.chmod(0o700)
