"""The event stream of a command line: writes the events of `-o jsonl` to stdout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any

import click

from edgeadm import __version__
from edgeadm.config.secret import masked
from edgeadm.core.events import SCHEMA, Ended, Event, Failed, RunBegin
from edgeadm.core.run_id import new_run_id
from edgeadm.errors import EdgeadmError


@dataclass
class Stream:
    """The run of one command line, and its events. Every run has an identifier; events are written only if
    the stream is open."""

    run: str = field(default_factory=new_run_id)
    verb: str = ""
    is_open: bool = False
    # The current phase.
    phase: str = ""
    # Replaced by *** in every event, as in the log.
    secrets: set[str] = field(default_factory=set)
    _result: Any = None
    _begun: bool = False
    _lock: Any = field(default_factory=RLock)

    def open(self, verb: str) -> None:
        """Write the events of this verb from now on."""
        self.is_open, self.verb = True, verb

    def begin(self, verb: str = "", log: str = "") -> None:
        """Write the start of the run, once. The first event of another kind writes it as well, except an
        error: a command line that is rejected did not start."""
        with self._lock:
            if self.is_open and not self._begun:
                self._begun = True
                self._write(RunBegin(verb or self.verb, __version__, log))

    def emit(self, event: Event) -> None:
        """Write the event, and flush it."""
        if self.is_open:
            self.begin()
            self._write(event)

    def keep(self, result: Any) -> None:
        """Keep the document that the verb would print with `-o json` for the last event."""
        self._result = result

    def end(self, status: int) -> None:
        """Write the result of a run that ended by itself."""
        self.emit(Ended(self._result, status))

    def fail(self, error: EdgeadmError, status: int) -> None:
        """Write the error that ended the run."""
        findings = error.as_dict().get("findings", ())
        self._write(Failed(error.code, error.message, status, error.hint, error.context, error.log, findings))

    def _write(self, event: Event) -> None:
        with self._lock:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            head = {"schema": SCHEMA, "run": self.run, "time": now, "event": event.event}
            # Flushes.
            click.echo(json.dumps(head | masked(event.as_dict(), self.secrets), ensure_ascii=False))


# A process runs one command line at a time; threads of a verb write to its stream as well.
_running: list[Stream] = []


@contextmanager
def running() -> Iterator[Stream]:
    """The stream of the command line that runs in this block."""
    stream = Stream()
    _running.append(stream)
    try:
        yield stream
    finally:
        _running.remove(stream)


def current() -> Stream:
    """The stream of the current command line; outside of one, a new one that is not open."""
    return _running[-1] if _running else Stream()
