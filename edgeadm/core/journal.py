"""The journal of edgeadm's changes to a host, written before each change.

`check` reads the state of the host; the journal records who changed it and how to revert the change. One JSON
object per line; a line that a power cut truncated is ignored.

The records of a run, and of the runs that resume it, are one generation: its number increases with each
further run that changes something. The first change of a path in each generation saves the previous state, so
that a generation can be reverted without the earlier ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edgeadm.core.run_id import new_run_id
from edgeadm.hosts import Host

STATE = "/var/lib/edgeadm"
PATH = f"{STATE}/journal.jsonl"
BACKUPS = f"{STATE}/backup"
UNDONE, COMPLETE = "undone", "complete"


@dataclass(frozen=True)
class Record:
    """One line: `event` is started, done, failed, undone (of a phase), write, remove, run (of a change) or
    complete (of a run). A journal of an earlier edgeadm has neither generations nor runs: it is the first
    generation."""

    verb: str
    phase: str
    event: str
    detail: dict[str, Any] = field(default_factory=dict)
    time: str = ""
    generation: int = 1
    run: str = ""


@dataclass
class Journal:
    """The records of one host, oldest first. `run` is the identifier of the current run."""

    host: Host
    verb: str = ""
    phase: str = ""
    run: str = field(default_factory=new_run_id)
    _generation: int = 0
    _changed: bool = False
    _known: list[Record] | None = None
    _torn: bool = False
    _pending: bool = False

    def records(self) -> list[Record]:
        """All records; a torn last line is left out."""
        if self._known is None:
            text = self.host.read(PATH) or b""
            self._torn = bool(text) and not text.endswith(b"\n")
            self._known = list(_parse(text))
        return self._known

    @property
    def generation(self) -> int:
        """The generation of the current run: that of the previous run if it was an interrupted one of this
        verb, else the next one."""
        if not self._generation:
            last = self.records()[-1] if self.records() else None
            self._generation = last.generation + (not self._resumes(last)) if last else 1
        return self._generation

    def begin(self) -> None:
        """The current phase starts: written with its first change, as looking leaves no trace."""
        self._pending = True

    def end(self, event: str) -> None:
        """The current phase ended: `done` or `failed`. A phase without changes leaves no record, unless an
        earlier run was interrupted in it: then its end is recorded."""
        if self._pending and not self.unfinished(self.verb, self.phase):
            self._pending = False
        else:
            self.add(event)

    def add(self, event: str, **detail: Any) -> None:
        """Write one record for the current verb and phase; it is on disk when this returns."""
        self.add_all([(event, detail)])

    def add_all(self, events: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Write several records at once, after `started` if this is the phase's first change."""
        first: list[tuple[str, dict[str, Any]]] = [("started", {})] if self._pending else []
        self._pending = False
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        known, head = self.records(), (self.verb, self.phase)
        new = [
            Record(*head, event, detail, now, self.generation, self.run)
            for event, detail in [*first, *events]
        ]
        start = b"\n" if self._torn else b""
        self.host.append(PATH, start + b"".join(map(_line, new)), 0o600)
        self._torn, self._changed = False, True
        known.extend(new)

    def complete(self) -> None:
        """The run ended by itself: a later one is another generation. A run without changes, or that only
        reverted those of others, leaves no record."""
        self._pending, self.phase = False, ""
        if self._changed:
            self.add(COMPLETE)

    def begun(self, verb: str, phase: str) -> bool:
        """Whether the phase was started and not reverted since."""
        return self._last(verb, phase) in ("started", "done", "failed")

    def unfinished(self, verb: str, phase: str) -> bool:
        """Whether the phase was started, and has neither ended nor been reverted."""
        return self._last(verb, phase) in ("started", "failed")

    def times(self, verb: str, phase: str) -> int:
        """How often the phase was started since it was last reverted."""
        count = 0
        for record in self._valid():
            if (record.verb, record.phase) == (verb, phase):
                count = 0 if record.event == "undone" else count + (record.event == "started")
        return count

    def standing(self) -> list[Record]:
        """File changes of all verbs and phases that were not reverted, oldest first."""
        found: list[Record] = []
        for record in self._valid():
            if record.event == UNDONE:
                found = [each for each in found if (each.verb, each.phase) != (record.verb, record.phase)]
            elif record.event in ("write", "remove"):
                found.append(record)
        return found

    def since(self, generation: int) -> list[Record]:
        """File changes of this generation and later ones that were not reverted, oldest first."""
        return [each for each in self.standing() if each.generation >= generation]

    def undone_since(self, generation: int) -> None:
        """All changes of this generation and later ones were reverted."""
        self._pending = False
        self.add(UNDONE, since=generation)

    def undone_all(self, name: str = "") -> None:
        """All file changes were reverted, or those of the phase with this name, in any group: recorded for
        each phase that had made one."""
        verb, phase, pending, changed = self.verb, self.phase, self._pending, self._changed
        self._pending = False
        self._generation = self.generation  # that of this verb
        places = dict.fromkeys((each.verb, each.phase) for each in self.standing())
        for self.verb, self.phase in places:
            if name in ("", self.phase.rpartition("/")[2]):
                self.add(UNDONE)
        self.verb, self.phase, self._pending, self._changed = verb, phase, pending, changed

    def forget(self) -> None:
        """The file was removed, but the end of the phase that removed it is not recorded."""
        self._known, self._torn, self._pending = [], False, True
        self._generation, self._changed = 0, False

    def ours(self, path: str) -> bool:
        """Whether edgeadm wrote this file and has not reverted the change."""
        return any(self._writes(path))

    def saved(self, path: str) -> bool:
        """Whether this generation wrote the file: the first of these records contains its previous state."""
        return any(each.generation == self.generation for each in self._writes(path))

    def _writes(self, path: str) -> Iterator[Record]:
        return (each for each in self.standing() if (each.event, each.detail["path"]) == ("write", path))

    def _valid(self) -> list[Record]:
        """All records without those of reverted generations."""
        found: list[Record] = []
        for record in self.records():
            if record.event == UNDONE and "since" in record.detail:
                found = [each for each in found if each.generation < record.detail["since"]]
            else:
                found.append(record)
        return found

    def _resumes(self, last: Record) -> bool:
        """Whether the run of this record was interrupted, and the current run resumes it."""
        if last.verb != self.verb or last.event == COMPLETE:
            return False
        # An earlier edgeadm recorded no end of a run, but that of each phase.
        phases = {each.phase for each in self.records() if each.verb == self.verb}
        return bool(last.run) or any(self.unfinished(self.verb, phase) for phase in phases)

    def _last(self, verb: str, phase: str) -> str:
        events = ("started", "done", "failed", UNDONE)
        for record in reversed(self._valid()):
            if (record.verb, record.phase) == (verb, phase) and record.event in events:
                return record.event
        return ""


def _line(record: Record) -> bytes:
    head = {"time": record.time, "verb": record.verb, "phase": record.phase, "event": record.event}
    tail = {"generation": record.generation, "run": record.run}
    return json.dumps(head | tail | record.detail).encode() + b"\n"


def _parse(text: bytes) -> Iterator[Record]:
    for line in text.splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict) and {"verb", "phase", "event"} <= fields.keys():
            head = {key: str(fields.pop(key, "")) for key in ("verb", "phase", "event", "time", "run")}
            generation = fields.pop("generation", 1)
            yield Record(
                head["verb"], head["phase"], head["event"], fields, head["time"], generation, head["run"]
            )
