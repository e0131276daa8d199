"""The journal of edgeadm's changes to a host, written before each change.

`check` reads the state of the host; the journal records who changed it and how to revert the change. One JSON
object per line; a line that a power cut truncated is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edgeadm.hosts import Host

STATE = "/var/lib/edgeadm"
PATH = f"{STATE}/journal.jsonl"
BACKUPS = f"{STATE}/backup"


@dataclass(frozen=True)
class Record:
    """One line: `event` is started, done, failed, undone (of a phase) or write, remove, run (of a change)."""

    verb: str
    phase: str
    event: str
    detail: dict[str, Any] = field(default_factory=dict)
    time: str = ""


@dataclass
class Journal:
    """The records of one host, oldest first."""

    host: Host
    verb: str = ""
    phase: str = ""
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
        new = [Record(self.verb, self.phase, event, detail, now) for event, detail in [*first, *events]]
        known = self.records()
        start = b"\n" if self._torn else b""
        self.host.append(PATH, start + b"".join(map(_line, new)), 0o600)
        self._torn = False
        known.extend(new)

    def begun(self, verb: str, phase: str) -> bool:
        """Whether the phase was started and not reverted since."""
        return self._last(verb, phase) in ("started", "done", "failed")

    def unfinished(self, verb: str, phase: str) -> bool:
        """Whether the phase was started, and has neither ended nor been reverted."""
        return self._last(verb, phase) in ("started", "failed")

    def times(self, verb: str, phase: str) -> int:
        """How often the phase was started since it was last reverted."""
        count = 0
        for record in self.records():
            if (record.verb, record.phase) == (verb, phase):
                count = 0 if record.event == "undone" else count + (record.event == "started")
        return count

    def standing(self) -> list[Record]:
        """File changes of all verbs and phases that were not reverted, oldest first."""
        found: list[Record] = []
        for record in self.records():
            if record.event == "undone":
                found = [each for each in found if (each.verb, each.phase) != (record.verb, record.phase)]
            elif record.event in ("write", "remove"):
                found.append(record)
        return found

    def undone_all(self, name: str = "") -> None:
        """All file changes were reverted, or those of the phase with this name, in any group: recorded for
        each phase that had made one."""
        verb, phase, pending = self.verb, self.phase, self._pending
        self._pending = False
        places = dict.fromkeys((each.verb, each.phase) for each in self.standing())
        for self.verb, self.phase in places:
            if name in ("", self.phase.rpartition("/")[2]):
                self.add("undone")
        self.verb, self.phase, self._pending = verb, phase, pending

    def forget(self) -> None:
        """The file was removed, but the end of the phase that removed it is not recorded."""
        self._known, self._torn, self._pending = [], False, True

    def ours(self, path: str) -> bool:
        """Whether edgeadm wrote this file and has not reverted the change."""
        mine = False
        undone: set[tuple[str, str]] = set()
        for record in reversed(self.records()):
            if record.event == "undone":
                undone.add((record.verb, record.phase))
            elif record.event == "write" and record.detail.get("path") == path:
                mine = mine or (record.verb, record.phase) not in undone
        return mine

    def _last(self, verb: str, phase: str) -> str:
        events = ("started", "done", "failed", "undone")
        for record in reversed(self.records()):
            if (record.verb, record.phase) == (verb, phase) and record.event in events:
                return record.event
        return ""


def _line(record: Record) -> bytes:
    head = {"time": record.time, "verb": record.verb, "phase": record.phase, "event": record.event}
    return json.dumps(head | record.detail).encode() + b"\n"


def _parse(text: bytes) -> Iterator[Record]:
    for line in text.splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict) and {"verb", "phase", "event"} <= fields.keys():
            head = {key: str(fields.pop(key, "")) for key in ("verb", "phase", "event", "time")}
            yield Record(head["verb"], head["phase"], head["event"], fields, head["time"])
