"""The events of a run of a fleet, which reports render.

The engine creates them, and calls `handle` of a report from one thread, in order, and without a lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from edgeadm.checks.engine import Finding
from edgeadm.fleet.model import Fleet, Machine
from edgeadm.fleet.states import State


@dataclass(frozen=True)
class RunStarted:
    """A run starts. `machines` are those of this run, in the order of the document; `done` are machines that
    an earlier part of the run finished, and which are not touched."""

    verb: str
    run: str
    fleet: Fleet
    machines: tuple[Machine, ...]
    done: tuple[str, ...] = ()


@dataclass(frozen=True)
class MachineChanged:
    """A machine changed its state. `detail` is the reason, one line; `code` is that of the error or check for
    FAILED and WAITING, with `hint` and `context` (several lines). Times are in seconds: `seconds` is the time
    that the machine spent in the state `before`, `at` the time since the start of the run."""

    machine: str
    before: State
    state: State
    at: float
    seconds: float = 0.0
    detail: str = ""
    code: str = ""
    hint: str = ""
    context: str = ""


@dataclass(frozen=True)
class MachineProgress:
    """A step of a machine progresses: `phase` is such as `connect`, `inspect`, `check`, `load`, or
    the path of a phase of `edgeadm join` on the machine; `detail` is one line."""

    machine: str
    phase: str
    at: float
    detail: str = ""


@dataclass(frozen=True)
class RunNotice:
    """A message about the whole run: a limit was exceeded, Ctrl-C was received, a token was not revoked."""

    text: str
    at: float = 0.0


@dataclass(frozen=True)
class MachineResult:
    """A machine at the end of the run. `change` is the change that it needed (edgeadm/fleet/work.py, Action),
    empty if unknown; `wan` and `lan` are the bytes that it received."""

    machine: Machine
    state: State
    change: str = ""
    detail: str = ""
    code: str = ""
    hint: str = ""
    context: str = ""
    findings: tuple[Finding, ...] = ()
    wan: int = 0
    lan: int = 0
    shells: int = 0
    seconds: float = 0.0
    times: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The result as a document for `-o json`."""
        fields: dict[str, Any] = {
            "machine": self.machine.name,
            "address": self.machine.address,
            "site": self.machine.site,
            "state": self.state.value,
            "change": self.change,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
            "context": self.context,
            "findings": [each.as_dict() for each in self.findings],
            "seconds": round(self.seconds, 3),
        }
        counted = {"shells": self.shells, "wanBytes": self.wan, "lanBytes": self.lan}
        return {key: value for key, value in fields.items() if value not in ("", [])} | counted


@dataclass(frozen=True)
class RunEnded:
    """A run ended. `untouched` are names of machines that the run did not start with, because of a limit or
    Ctrl-C; they are in `results` as well. `again` is the command that continues."""

    results: tuple[MachineResult, ...]
    seconds: float
    exit_code: int
    untouched: tuple[str, ...] = ()
    stopped: str = ""
    again: str = ""
    journal: str = ""


FleetEvent = RunStarted | MachineChanged | MachineProgress | RunNotice | RunEnded


class FleetReport(Protocol):
    """Shows a run."""

    def handle(self, event: FleetEvent) -> None:
        """Show the event."""

    def close(self) -> None:
        """Release the terminal; also called if the run was interrupted."""
