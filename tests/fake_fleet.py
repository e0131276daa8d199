"""Fakes for the engine of fleets: machines in memory, a cluster, and a clock that only advances when nothing
else happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgeadm.checks.engine import Finding
from edgeadm.clock import Clock
from edgeadm.config.secret import Secret
from edgeadm.fleet.engine import Engine
from edgeadm.fleet.events import FleetEvent, MachineChanged, MachineProgress
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.former import former_name
from edgeadm.fleet.journal import Records, Unrecorded
from edgeadm.fleet.messages import Progress
from edgeadm.fleet.model import Fleet, Limits, Machine
from edgeadm.fleet.progress import Goal, MachineRun
from edgeadm.fleet.steps import Steps
from edgeadm.fleet.work import Action, LanSource, Loaded, OnEvent, Ticket
from edgeadm.hosts.remote import Traffic
from edgeadm.hosts.ssh.target import Login, Target

PASSWORD = Secret("canary-password")
TOKEN_SECRET = "canarysecret0000"


class PowerCutError(BaseException):
    """This host loses its power: nothing after it happens."""


def machine(number: int, **more: Any) -> Machine:
    """A machine with a password."""
    target = Target(f"10.0.0.{number}", login=Login(password=PASSWORD))
    return replace(Machine(f"edge{number}", target), **more)


@dataclass
class Far:
    """A machine: what happened on it, and the faults that it has. `faults` maps a step to errors, each of
    which is raised once."""

    membership: Membership | None = None
    machine_id: str = ""
    remains: tuple[str, ...] = ()
    running: str = ""
    faults: dict[str, list[BaseException]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    joins: int = 0
    resets: int = 0
    loads: int = 0
    shells: int = 0
    bytes: int = 100
    # The machine has the files, and the token with which it joined.
    stored: bool = False
    # edgeadm does not end by itself there: its unit disappears.
    dies: bool = False
    tokens: list[str] = field(default_factory=list)

    def meet(self, step: str) -> None:
        """Raise the next fault of a step."""
        if self.faults.get(step):
            raise self.faults[step].pop(0)


@dataclass
class FarRemote:
    """A connection to such a machine."""

    far: Far
    traffic: Traffic = field(default_factory=Traffic)

    def shell(self, *_args: Any, **_more: Any) -> Any:
        raise AssertionError("the fake work needs no shell")

    def host(self) -> Any:
        raise AssertionError("the fake work needs no host")

    def close(self) -> None:
        """Nothing is open."""

    def used(self, step: str) -> Far:
        """The machine, in one more shell."""
        self.traffic.shells += 1
        self.far.shells += 1
        self.far.meet(step)
        return self.far


@dataclass
class FakeAdmission:
    """A cluster: tokens that are valid, and Nodes."""

    tokens: dict[str, str] = field(default_factory=dict)
    ready: dict[str, bool] = field(default_factory=dict)
    faults: dict[str, list[BaseException]] = field(default_factory=dict)
    made: int = 0
    deleted: list[str] = field(default_factory=list)
    patched: list[Mapping[str, Any]] = field(default_factory=list)
    machine_ids: dict[str, str] = field(default_factory=dict)
    lists: int = 0
    exists: bool = True

    def _meet(self, step: str) -> None:
        if self.faults.get(step):
            raise self.faults[step].pop(0)

    def nodes(self) -> Sequence[Mapping[str, Any]]:
        self.lists += 1
        self._meet("nodes")
        return [
            {
                "metadata": {"name": name},
                "status": {
                    "conditions": [{"type": "Ready", "status": str(ready)}],
                    "nodeInfo": {"machineID": self.machine_ids.get(name, "")},
                },
            }
            for name, ready in self.ready.items()
        ]

    def new_id(self) -> str:
        self.made += 1
        return f"{self.made:06d}"

    def ticket(self, machine: Machine, token_id: str, run: str) -> Ticket:
        self._meet("ticket")
        self.tokens[token_id] = machine.name
        return Ticket("10.0.0.1:6443", "sha256:ca", Secret(f"{token_id}.{TOKEN_SECRET}"))

    def revoke(self, token_id: str) -> None:
        self._meet("revoke")
        self.tokens.pop(token_id, None)

    def delete_node(self, name: str) -> None:
        self._meet("delete")
        self.deleted.append(name)
        self.ready.pop(name, None)

    def patch_node(self, name: str, patch: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._meet("patch")
        self.patched.append(patch({"metadata": {"name": name}}))

    def delete_former(self, machine: Machine, node: Mapping[str, Any]) -> None:
        self.delete_node(node["metadata"]["name"])


@dataclass
class FakeWork:
    """The steps on machines in memory, which behave like edgeadm: a member is not joined again."""

    cluster: FakeAdmission
    until: float = 1e9

    def inspect(self, remote: Any, machine: Machine) -> Facts:
        far = remote.used("inspect")
        return Facts(
            machine.name,
            "amd64",
            machine_id=far.machine_id,
            membership=far.membership,
            remains=far.remains,
            running=far.running,
        )

    def action(self, machine: Machine, facts: Facts) -> tuple[Action, str]:
        if machine.reinstall and (facts.membership or facts.remains):
            return Action.REINSTALL, "a reinstallation was requested"
        if facts.membership is not None and facts.membership.complete:
            return Action.NOTHING, "it has joined"
        return Action.JOIN, "it is not a node"

    def check(self, remote: Any, machine: Machine, facts: Facts) -> Sequence[Finding]:
        remote.far.meet("check")
        found: Sequence[Finding] = remote.far.findings
        return found

    def load(
        self,
        remote: Any,
        machine: Machine,
        facts: Facts,
        source: LanSource | None = None,
    ) -> Loaded:
        far = remote.used("load")
        far.loads += not far.stored
        sent, far.stored = 0 if far.stored else far.bytes, True
        return Loaded(0, sent) if source else Loaded(sent)

    def share(self, remote: Any, machine: Machine, facts: Facts) -> LanSource | None:
        remote.far.meet("share")
        return LanSource(machine.address, 5000, self.until)

    def differences(self, machine: Machine, facts: Facts) -> Sequence[str]:
        return ()

    def former(self, machine: Machine, facts: Facts) -> str:
        return former_name(Fleet("f", (machine,)), machine, facts, "sha256:ca")

    def join(self, remote: Any, machine: Machine, facts: Facts, ticket: Ticket, on_event: OnEvent) -> None:
        assert remote.far.stored, "the files are there before the join"
        assert remote.far.membership is None, "a member is never joined again"
        assert str(ticket.token).partition(".")[0] in self.cluster.tokens, "the token is valid"
        far = remote.used("start")
        far.joins += 1
        far.running = f"edgeadm-fleet-join-{far.joins}.service"
        self._end(far, machine, on_event)

    def follow(self, remote: Any, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        far = remote.used("follow")
        if "-reset-" in facts.running:
            far.membership, far.running = None, ""
            return
        self._end(far, machine, on_event)

    def _end(self, far: Far, machine: Machine, on_event: OnEvent) -> None:
        """The unit on the machine ends by itself; the connection may be lost meanwhile."""
        on_event({"event": "phase-begin", "phase": "kubelet", "needed": True, "reason": "it does not run"})
        if far.dies:
            far.running = ""
        far.meet("join")
        far.running, far.membership = "", Membership(machine.name, "sha256:ca", active=True, complete=True)
        self.cluster.ready.setdefault(machine.name, True)

    def reset(self, remote: Any, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        far = remote.used("reset")
        far.resets += 1
        far.membership, far.remains = None, ()


@dataclass
class FakeDialer:
    """Connects to machines by address."""

    machines: dict[str, Far]
    dials: list[str] = field(default_factory=list)

    def dial(self, target: Target) -> Any:
        self.dials.append(target.address)
        far = self.machines[target.address]
        far.meet("dial")
        return FarRemote(far)


@dataclass
class Time:
    """Time that passes only while the engine waits for a timer."""

    seconds: float = 0.0
    queue: deque[Any] = field(default_factory=deque)
    # Called at these times, for signals and repairs.
    planned: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def put(self, message: Any) -> None:
        self.queue.append(message)

    def get(self, seconds: float | None) -> Any:
        if self.queue:
            return self.queue.popleft()
        if seconds == 0:
            return None
        if seconds is None:
            seconds = min((at for at, _ in self.planned), default=None)
            assert seconds is not None, "the engine waits for nothing: it would hang"
            seconds -= self.seconds
        self.seconds += seconds
        due = [each for each in self.planned if each[0] <= self.seconds]
        for each in due:
            self.planned.remove(each)
            each[1]()
        return self.queue.popleft() if self.queue else None

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda _seconds: None)


@dataclass
class Inline:
    """Runs each job at once, except those that are held: `hold` tells by the name of the job."""

    hold: Callable[[str], bool] = lambda _name: False
    names: list[str] = field(default_factory=list)
    held: dict[str, Callable[[], None]] = field(default_factory=dict)

    def start(self, name: str, job: Callable[[], None]) -> None:
        self.names.append(name)
        if self.hold(name):
            self.held[name] = job
        else:
            job()

    def release(self, name: str) -> None:
        """Run a job that was held."""
        self.held.pop(name)()


@dataclass
class Kept:
    """A report that keeps the events."""

    events: list[FleetEvent] = field(default_factory=list)

    def handle(self, event: FleetEvent) -> None:
        self.events.append(event)

    def close(self) -> None:
        """Nothing is open."""

    def states(self, name: str) -> list[str]:
        """The states of a machine, in order."""
        return [
            each.state.value
            for each in self.events
            if isinstance(each, MachineChanged) and each.machine == name
        ]

    def phases(self, name: str) -> list[str]:
        """The progress of a machine, in order."""
        return [
            each.phase for each in self.events if isinstance(each, MachineProgress) and each.machine == name
        ]


@dataclass
class World:
    """A fleet in memory, and an engine for it."""

    machines: list[Machine]
    far: dict[str, Far] = field(default_factory=dict)
    cluster: FakeAdmission = field(default_factory=FakeAdmission)
    time: Time = field(default_factory=Time)
    pool: Inline = field(default_factory=Inline)
    kept: Kept = field(default_factory=Kept)
    limits: Limits = field(default_factory=Limits)
    compared: list[set[str]] = field(default_factory=list)
    cross: dict[str, Sequence[Finding]] = field(default_factory=dict)
    dialer: FakeDialer = field(init=False)

    def __post_init__(self) -> None:
        for each in self.machines:
            self.far.setdefault(each.name, Far())
        self.dialer = FakeDialer({each.address: self.far[each.name] for each in self.machines})

    def engine(self, goal: Goal = Goal.ADD, journal: Records | None = None, **more: Any) -> Engine:
        """An engine for all machines."""
        records = journal or Unrecorded()
        runs = more.pop("runs", None) or [MachineRun(each) for each in self.machines]

        def compare(known: Mapping[str, Any], _nodes: Sequence[Any]) -> Mapping[str, Sequence[Finding]]:
            self.compared.append(set(known))
            return self.cross

        def tell(*words: str) -> None:
            self.time.put(Progress(*words))

        work, patch = FakeWork(self.cluster), more.pop("patch", lambda _machine, _node: {})
        steps = Steps(self.dialer, work, self.cluster, records, "run-1", tell, goal, patch)
        return Engine(
            goal,
            runs,
            self.limits,
            steps,
            compare,
            records,
            self.kept,
            self.time.clock,
            self.pool,
            self.time,
            self.cluster.nodes(),
            **more,
        )

    def states(self, engine: Engine) -> dict[str, str]:
        """The last state of each machine."""
        return {each.name: each.state.value for each in engine.machines}


def fleet(count: int, **more: Any) -> World:
    """A fleet of so many machines, which work."""
    return World([machine(number) for number in range(1, count + 1)], **more)
