"""A machine during a run: its state, which only the table of states changes, and the results of its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from edgeadm.checks.engine import Finding
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.events import MachineResult
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Machine
from edgeadm.fleet.states import FINAL, State, may_change
from edgeadm.fleet.work import Action, LanSource, Loaded
from edgeadm.hosts.remote import Remote


class Goal(StrEnum):
    """The goal of a run, for every machine."""

    PLAN = "plan"
    CHECK = "check"
    ADD = "add"
    RESET = "reset"


LOOKING = (Goal.PLAN, Goal.CHECK)


class Step(StrEnum):
    """The steps of a machine. Each runs in a thread of its own, and is repeated if the connection is lost."""

    # Connect, gather facts, determine the change, and check.
    INSPECT = "inspect"
    LOAD = "load"
    RESET = "reset"
    JOIN = "join"
    FOLLOW = "follow"
    # Change labels and taints of the Node, without the machine.
    LABEL = "label"
    # Inspect again after the connection was lost while edgeadm ran on the machine.
    RECOVER = "recover"


# The steps that have no effect on the machine: a run that stops does not wait for them.
LOOKS = frozenset({Step.INSPECT})


class BrokenTableError(RuntimeError):
    """The engine attempted a transition that the table does not contain: a bug."""


@dataclass
class MachineRun:
    """A machine of the run. Only the engine's thread writes to it, except for `remote`, which belongs to the
    step that runs."""

    machine: Machine
    state: State = State.KNOWN
    facts: Facts | None = None
    action: Action | None = None
    reason: str = ""
    findings: Sequence[Finding] = ()
    remote: Remote | None = None
    step: Step | None = None
    # The step runs without a slot, because it takes longer than others wait.
    late: bool = False
    # The first attempt ended, or takes too long: the other machines do not wait for it.
    tried: bool = False
    # The machine is being changed: it is finished even if the run stops.
    begun: bool = False
    over: bool = False
    attempts: int = 0
    joins: int = 0
    lost_since: float | None = None
    token: str = ""
    # The name of its Node before the document gave it another one.
    former: str = ""
    # The files were sent in this run.
    sent: bool = False
    began_at: float = 0.0
    # Whether the machine serves its files to its site, and the machine that serves it.
    leads: bool = False
    source: LanSource | None = None
    loaded: Loaded = field(default_factory=Loaded)
    shells: int = 0
    since: float = 0.0
    times: dict[str, float] = field(default_factory=dict)
    detail: str = ""
    code: str = ""
    hint: str = ""
    context: str = ""

    @property
    def name(self) -> str:
        return self.machine.name

    def move(self, after: State) -> None:
        """Change the state. Raises BrokenTableError if the table does not contain the transition."""
        if not may_change(self.state, after):
            raise BrokenTableError(f"{self.name}: {self.state} → {after}")
        self.state = after
        self.over = self.over or after in FINAL

    def keep(self, error: EdgeadmError, masked: Callable[[str], str]) -> None:
        """Keep an error, without secrets, as the reason of the state. The code of a failed check, or of an
        error of edgeadm on the machine, is its `cause`."""
        self.code = str(getattr(error, "cause", "") or error.code)
        self.detail = masked(error.message)
        self.hint, self.context = masked(error.hint), masked(error.context)

    def reinstalls(self, wanted: bool) -> None:
        """Whether the machine is reset to join again, so that its files stay."""
        self.machine = replace(self.machine, reinstall=wanted)

    def release(self) -> Remote | None:
        """The connection, which is not the machine's any more; its shells are counted."""
        remote, self.remote = self.remote, None
        if remote is not None:
            self.shells += remote.traffic.shells
        return remote

    def result(self) -> MachineResult:
        """The machine as the report shows it."""
        return MachineResult(
            self.machine,
            self.state,
            self.action.value if self.action else "",
            self.detail or self.reason,
            self.code,
            self.hint,
            self.context,
            tuple(self.findings),
            self.loaded.wan,
            self.loaded.lan,
            self.shells,
            sum(self.times.values()),
            dict(self.times),
        )


Machines = Mapping[str, MachineRun]
