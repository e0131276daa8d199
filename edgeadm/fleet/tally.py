"""The machines of a run while it runs: states, steps and times, from the events of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeadm.fleet.events import FleetEvent, MachineChanged, MachineProgress, RunEnded, RunNotice, RunStarted
from edgeadm.fleet.model import Machine
from edgeadm.fleet.states import FINAL, State
from edgeadm.fleet.summary import Summary, summarize

GOOD = (State.READY, State.RESET)


@dataclass(frozen=True)
class Span:
    """The time that a machine spent in a state, in seconds since the start of the run."""

    state: State
    begin: float
    end: float


@dataclass
class Seen:
    """A machine as the events describe it. `phase` is its current step, `since` the time of its last change
    of state, `first` that of its first event."""

    machine: Machine
    state: State = State.KNOWN
    phase: str = ""
    detail: str = ""
    code: str = ""
    since: float = 0.0
    first: float | None = None
    spans: list[Span] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def is_active(self) -> bool:
        """Whether work on the machine has begun and not ended."""
        return self.first is not None and not self.is_final

    def seconds(self, now: float) -> float:
        """The time since its first event, until its last change of state if it ended."""
        return (self.since if self.is_final else now) - (self.first or 0.0) if self.first is not None else 0.0


@dataclass
class Tally:
    """All machines of the run. `handle` takes each event in order."""

    started: RunStarted | None = None
    ended: RunEnded | None = None
    machines: dict[str, Seen] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def handle(self, event: FleetEvent) -> None:
        """Note the event."""
        if isinstance(event, RunStarted):
            self.started = event
            self.machines = {each.name: Seen(each) for each in event.machines}
        elif isinstance(event, MachineChanged):
            self._change(event)
        elif isinstance(event, MachineProgress):
            self._progress(event)
        elif isinstance(event, RunNotice):
            self.notices.append(event.text)
        else:
            self.ended = event

    def _progress(self, event: MachineProgress) -> None:
        seen = self.machines.get(event.machine)
        if seen is not None and not seen.is_final:
            seen.first = event.at if seen.first is None else seen.first
            seen.phase, seen.detail = event.phase, event.detail

    def _change(self, event: MachineChanged) -> None:
        seen = self.machines[event.machine]
        begin = max(event.at - event.seconds, 0.0)
        seen.first = begin if seen.first is None else seen.first
        seen.spans.append(Span(event.before, begin, event.at))
        seen.state, seen.since = event.state, event.at
        seen.detail, seen.code, seen.phase = event.detail, event.code, ""

    @property
    def sites(self) -> Mapping[str, list[Seen]]:
        """The machines of each site, in the order of the document; those without a site last."""
        found: dict[str, list[Seen]] = {}
        for seen in self.machines.values():
            found.setdefault(seen.machine.site, []).append(seen)
        return dict(sorted(found.items(), key=lambda each: not each[0]))

    @property
    def counts(self) -> Counter[State]:
        """The number of machines in each state."""
        return Counter(seen.state for seen in self.machines.values())

    def slowest(self, now: float, limit: int = 10) -> list[Seen]:
        """The active machines that take longest."""
        active = [seen for seen in self.machines.values() if seen.is_active]
        return sorted(active, key=lambda seen: -seen.seconds(now))[:limit]

    def summary(self) -> Summary | None:
        """The summary of a run that ended; None before."""
        if self.started is None or self.ended is None:
            return None
        return summarize(self.started, self.ended, self.notices)
