"""The transitions of machines: the only place that changes their states, records them, and reports them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from edgeadm.checks.engine import Finding
from edgeadm.clock import CLOCK, Clock
from edgeadm.cluster import Object
from edgeadm.config.secret import masked, secrets_in
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.errors import RunFailedError
from edgeadm.fleet.events import FleetEvent, FleetReport, MachineChanged, RunNotice
from edgeadm.fleet.journal import Records
from edgeadm.fleet.model import Limits, Site
from edgeadm.fleet.pool import Inbox, Pool, QueueInbox, ThreadPool
from edgeadm.fleet.progress import Goal, MachineRun, Step
from edgeadm.fleet.revocation import Revocations
from edgeadm.fleet.scheduler import Scheduler
from edgeadm.fleet.sharing import Sharing
from edgeadm.fleet.states import State
from edgeadm.fleet.steps import Steps, hang_up
from edgeadm.fleet.work import CrossCheck


@dataclass
class Transitions(ABC):
    """A run: its machines, and the parts that the engine needs."""

    goal: Goal
    machines: Sequence[MachineRun]
    limits: Limits
    steps: Steps
    cross: CrossCheck
    journal: Records
    report: FleetReport
    clock: Clock = CLOCK
    pool: Pool = field(default_factory=ThreadPool)
    inbox: Inbox = field(default_factory=QueueInbox)
    # The Nodes of the cluster when the run started.
    nodes: Sequence[Object] = ()
    sites: Mapping[str, Site] = field(default_factory=dict)
    stopped: str = ""
    interrupted: bool = False
    schedule: Scheduler = field(init=False)
    revocations: Revocations = field(init=False)
    sharing: Sharing = field(init=False)
    started: float = field(init=False)
    secrets: set[str] = field(init=False)
    events: list[FleetEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secrets = set(secrets_in([each.machine for each in self.machines]))
        self.started = self.clock.now()
        self.revocations = Revocations(self.steps.revoke, self.journal, self.pool, self.inbox)
        self.sharing = Sharing(self.sites, self.machines, self.clock)
        slots, clock = self.limits.concurrency, self.clock
        self.schedule = Scheduler(slots, self.pool, self.inbox, clock, self._perform)

    @cached_property
    def nodes_by_name(self) -> Mapping[str, Object]:
        """The Nodes of the cluster when the run started."""
        return {each["metadata"]["name"]: each for each in self.nodes}

    @abstractmethod
    def _perform(self, run: MachineRun, step: Step) -> None:
        """Perform a step in its thread, and put its result into the inbox."""

    def move(self, run: MachineRun, after: State, detail: str = "") -> None:
        """Change the state, and record it. Raises BrokenTableError."""
        before, now = run.state, self.clock.now()
        run.move(after)
        seconds, run.since = now - run.since, now
        run.times[before.value] = run.times.get(before.value, 0.0) + seconds
        failed = after in (State.WAITING, State.FAILED)
        detail = run.detail if failed else self._masked(detail)
        code, hint, context = (run.code, run.hint, run.context) if failed else ("", "", "")
        words = {"detail": detail, "code": code, "hint": hint}
        self.journal.add(
            event="machine",
            machine=run.name,
            before=before.value,
            state=after.value,
            **{key: text for key, text in words.items() if text},
        )
        at = now - self.started
        self.events.append(MachineChanged(run.name, before, after, at, seconds, detail, code, hint, context))

    def finish(self, run: MachineRun, after: State, detail: str = "") -> None:
        """The machine has reached the goal of the run."""
        self.move(run, after, detail)
        run.detail = self._masked(detail)
        self.over(run)

    def fail(self, run: MachineRun, error: EdgeadmError) -> None:
        """The machine has failed; stop if these are too many."""
        run.keep(error, self._masked)
        if isinstance(error, RunFailedError):
            # Checks that failed on the machine itself are reported like those of this run.
            run.findings = (*run.findings, *map(self._open, error.findings))
        self.move(run, State.FAILED)
        self.over(run)
        count = sum(each.state is State.FAILED for each in self.machines)
        if self.limits.max_failures.reached(count, len(self.machines)):
            self.stop_new(f"{count} machines failed, more than --max-failures allows")

    def wait(self, run: MachineRun, error: EdgeadmError) -> None:
        """The machine is not reachable now; stop if these are too many."""
        run.keep(error, self._masked)
        self.move(run, State.WAITING)
        self.over(run)
        count = sum(each.state is State.WAITING for each in self.machines)
        if self.limits.max_unreachable.reached(count, len(self.machines)):
            self.stop_new(f"{count} machines are not reachable, more than --max-unreachable allows")

    def over(self, run: MachineRun) -> None:
        """Nothing more is done with the machine in this run."""
        run.over = True
        self.revocations.begin(run)
        self.hang_up(run)

    def hang_up(self, run: MachineRun) -> None:
        """Close the connection of the machine, beside the engine, because that may take a while."""
        remote = run.release()
        if remote is not None:
            self.pool.start(f"close {run.name}", lambda: hang_up(remote))

    def stop_new(self, reason: str) -> None:
        """Start nothing new; machines that are being changed are finished."""
        if not self.stopped:
            self.stopped = reason
            busy = sum(each.begun and not each.over for each in self.machines)
            text = f"{reason}: no further machine is started, {busy} continue"
            self.events.append(RunNotice(text, self.at()))

    def at(self) -> float:
        """Seconds since the start of the run."""
        return self.clock.now() - self.started

    def _open(self, finding: Finding) -> Finding:
        return replace(finding, text=self._masked(finding.text), hint=self._masked(finding.hint))

    def _masked(self, text: str) -> str:
        return str(masked(text, self.secrets))
