"""A run of a fleet: from its document and its past runs to the engine, its journal, and the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from edgeadm.apps.facts import labels_of
from edgeadm.clock import CLOCK, Clock
from edgeadm.cluster import Object
from edgeadm.config.secret import unmarked
from edgeadm.fleet import journal as journals
from edgeadm.fleet.apply import patch
from edgeadm.fleet.engine import Engine
from edgeadm.fleet.errors import NoRunError
from edgeadm.fleet.events import FleetReport, RunEnded, RunStarted
from edgeadm.fleet.journal import Past, Records, Unrecorded
from edgeadm.fleet.messages import Progress
from edgeadm.fleet.model import Fleet, Machine
from edgeadm.fleet.pool import Inbox, Pool, QueueInbox, ThreadPool
from edgeadm.fleet.progress import LOOKING, Goal, MachineRun
from edgeadm.fleet.revocation import Token, stale
from edgeadm.fleet.states import State
from edgeadm.fleet.steps import Steps
from edgeadm.fleet.tokens import Admission
from edgeadm.fleet.work import CrossCheck, Work
from edgeadm.hosts.remote import Dialer

HASH = 16


@dataclass(frozen=True)
class Parts:
    """The parts of a run that depend on the outside. Tests exchange them."""

    dialer: Dialer
    work: Work
    admission: Admission
    cross: CrossCheck
    clock: Clock = CLOCK
    pool: Pool = field(default_factory=ThreadPool)
    inbox: Inbox = field(default_factory=QueueInbox)


@dataclass(frozen=True)
class Order:
    """The request: the verb, its goal, the machines of the fleet that it is about, and whether it continues
    the newest run. `again` is the command that continues this run."""

    verb: str
    goal: Goal
    fleet: Fleet
    machines: Sequence[Machine]
    run: str
    resume: bool = False
    again: str = ""


@dataclass
class Opened:
    """A run with its journal. `machines` are those that it has to touch, `done` the others."""

    order: Order
    journal: Records
    machines: Sequence[Machine]
    done: tuple[str, ...] = ()
    tokens: Sequence[Token] = ()
    run: str = ""


@contextmanager
def opened(order: Order, root: Path, *, held: bool = False) -> Iterator[Opened]:
    """The run with its journal and the lock of its fleet, unless the caller has `held` that lock already. A
    run that only looks has neither.

    Raises FleetLockedError, NoRunError, RunJournalError."""
    if order.goal in LOOKING:
        yield Opened(order, Unrecorded(), order.machines, run=order.run)
        return
    folder = journals.folder_of(order.fleet.name, root)
    with nullcontext() if held else journals.held(folder, f"edgeadm nodes {order.verb}"):
        pasts = [journals.read(each) for each in journals.runs(folder)]
        header = {
            "fleet": order.fleet.name,
            "verb": order.verb,
            "document": document_hash(order.fleet),
        }
        prints = {each.name: fingerprint(each) for each in order.machines}
        if order.resume:
            yield _resumed(order, pasts, header, prints)
        else:
            journals.forget(pasts)
            journal = journals.create(folder, order.run, **header, machines=prints)
            yield Opened(order, journal, order.machines, tokens=stale(pasts), run=order.run)


def engine_of(given: Opened, parts: Parts, report: FleetReport, *, labels: bool = True) -> Engine:
    """The engine of the run, which also changes labels and taints of Nodes with `labels`. Lists the Nodes of
    the cluster: raises ClusterAwayError."""
    order, nodes = given.order, parts.admission.nodes()
    marked = _marked(order.fleet, nodes)
    runs = [
        MachineRun(replace(each, reinstall=False) if each.name in marked else each) for each in given.machines
    ]
    steps = Steps(
        parts.dialer,
        parts.work,
        parts.admission,
        given.journal,
        given.run,
        lambda machine, phase, detail: parts.inbox.put(Progress(machine, phase, detail)),
        order.goal,
        partial(patch, order.fleet) if labels else Steps.patch,
    )
    engine = Engine(
        order.goal,
        runs,
        order.fleet.limits,
        steps,
        parts.cross,
        given.journal,
        report,
        parts.clock,
        parts.pool,
        parts.inbox,
        nodes,
        order.fleet.sites,
    )
    engine.revocations.adopt(given.tokens, [each.name for each in given.machines])
    return engine


def run(given: Opened, engine: Engine, report: FleetReport) -> RunEnded:
    """Run the engine, and report its beginning and its end."""
    order = given.order
    report.handle(RunStarted(order.verb, given.run, order.fleet, tuple(given.machines), given.done))
    code = engine.run()
    ended = RunEnded(
        tuple(each.result() for each in engine.machines),
        engine.at(),
        code,
        tuple(each.name for each in engine.left()),
        engine.stopped,
        order.again if code and order.goal not in LOOKING else "",
        given.journal.name,
    )
    given.journal.add(event="end", exitCode=code)
    given.journal.flush()
    report.handle(ended)
    return ended


def fingerprint(machine: Machine) -> str:
    """A hash of a machine without its credentials: a machine whose document changed is not finished."""
    login = machine.target.login
    jumps = [each.place for each in machine.target.jumps]
    told = [
        *(machine.name, machine.target.address, machine.target.port, login.user, jumps, machine.role.value),
        *(machine.site, sorted(machine.labels.items()), sorted(machine.taints)),
    ]
    settings = json.dumps(unmarked(dict(machine.settings), shown="***"), sort_keys=True, default=str)
    return hashlib.sha256(f"{told}{settings}".encode()).hexdigest()[:HASH]


def document_hash(fleet: Fleet) -> str:
    """A hash of the document without its credentials."""
    told = [fleet.name, sorted(fleet.packages.items()), fleet.cluster.endpoint]
    told += [fingerprint(each) for each in fleet.machines]
    settings = json.dumps(unmarked(dict(fleet.settings), shown="***"), sort_keys=True, default=str)
    return hashlib.sha256(f"{told}{settings}".encode()).hexdigest()


def _resumed(
    order: Order, pasts: Sequence[Past], header: Mapping[str, object], prints: Mapping[str, str]
) -> Opened:
    """The newest run: machines that it finished, and whose document is the same, are not touched."""
    found = next((each for each in pasts if each.verb == order.verb), None)
    if found is None:
        raise NoRunError(
            f"there is no run of `{order.verb}` for the fleet `{order.fleet.name}`",
            hint="start one without `--resume`",
        )
    good = State.RESET if order.goal is Goal.RESET else State.READY
    done = {
        each.name
        for each in order.machines
        if found.state(each.name) is good and found.machines.get(each.name) == prints[each.name]
    }
    todo = [_continued(each, found) for each in order.machines if each.name not in done]
    journal = journals.reopen(found.path, **header, machines={**found.machines, **prints})
    return Opened(order, journal, todo, tuple(sorted(done)), stale(pasts), found.run)


def _continued(machine: Machine, past: Past) -> Machine:
    """A machine that the earlier part of the run has reset is not reset again."""
    return replace(machine, reinstall=False) if machine.name in past.reset else machine


def _marked(fleet: Fleet, nodes: Sequence[Object]) -> set[str]:
    """The names of the Nodes with the label of the NodeTask: it has reinstalled them already."""
    if fleet.mark is None:
        return set()
    key, value = fleet.mark
    return {each["metadata"]["name"] for each in nodes if labels_of(each).get(key) == value}
