"""The engine of fleets on the hosts of bench_fleet.py: real connections and shells, small fake files.

A machine is inspected, loaded and joined in one shell each. Five percent of the machines have one of six
faults: the port is closed, the server never speaks, it closes each connection, the host key differs, the
login is refused, the disk is full.
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeadm.checks.engine import Finding
from edgeadm.config.secret import Secret
from edgeadm.errors import CommandError
from edgeadm.fleet.events import FleetEvent, MachineChanged, MachineResult, RunEnded
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.model import Fleet, Machine
from edgeadm.fleet.progress import Goal
from edgeadm.fleet.run import Order, Parts, engine_of, opened, run
from edgeadm.fleet.states import State
from edgeadm.fleet.work import Action, LanSource, Loaded, OnEvent, Ticket
from edgeadm.hosts.remote import Remote
from edgeadm.hosts.ssh import HostKeys, SshDialer, Target
from tests.sshd import keygen

INSPECT = "uname -n -m; cat /proc/meminfo | head -1; df -Pk / | tail -1"
LOAD = "cat > /dev/null"
JOIN = "cat > /dev/null; for phase in package runtime kubelet; do echo $phase; done"
BUNDLE = b"x" * 65536
KINDS = ("closed", "silent", "closing", "key", "login", "disk")
SHARE = 20
CLOSED, SILENT, CLOSING = 22031, 22032, 22033


@dataclass
class Cluster:
    """A cluster that accepts every machine."""

    tokens: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    exists: bool = True
    made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def nodes(self) -> Sequence[Mapping[str, Any]]:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return [{"metadata": {"name": name}, "status": ready} for name in list(self.joined)]

    def new_id(self) -> str:
        with self._lock:
            self.made += 1
            return f"{self.made:06d}"

    def ticket(self, machine: Machine, token_id: str, run: str) -> Ticket:  # noqa: ARG002
        self.tokens.add(token_id)
        return Ticket("10.0.0.1:6443", "sha256:ca", Secret(f"{token_id}.0123456789abcdef"))

    def revoke(self, token_id: str) -> None:
        self.tokens.discard(token_id)

    def delete_node(self, name: str) -> None:
        """No machine is reinstalled here."""

    def delete_former(self, machine: Machine, node: Mapping[str, Any]) -> None:
        """No machine has a new name here."""

    def patch_node(self, name: str, patch: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """No Node differs from its document here."""


@dataclass
class Work:
    """Steps with real shells. `full` are machines without disk space."""

    cluster: Cluster
    full: frozenset[str] = frozenset()

    def inspect(self, remote: Remote, machine: Machine) -> Facts:
        remote.shell(INSPECT).checked()
        member = Membership(machine.name, complete=True) if machine.name in self.cluster.joined else None
        return Facts(machine.name, "amd64", membership=member)

    def action(self, machine: Machine, facts: Facts) -> tuple[Action, str]:  # noqa: ARG002
        return (Action.NOTHING if facts.membership else Action.JOIN), "benchmark"

    def check(self, remote: Remote, machine: Machine, facts: Facts) -> Sequence[Finding]:  # noqa: ARG002
        return ()

    def load(
        self,
        remote: Remote,
        machine: Machine,
        facts: Facts,  # noqa: ARG002
        source: LanSource | None = None,  # noqa: ARG002
    ) -> Loaded:
        if machine.name in self.full:
            raise CommandError("no space is left on the device")
        remote.shell(LOAD, stdin=[BUNDLE]).checked()
        return Loaded(len(BUNDLE))

    def share(self, remote: Remote, machine: Machine, facts: Facts) -> LanSource | None:  # noqa: ARG002
        return None

    def former(self, machine: Machine, facts: Facts) -> str:  # noqa: ARG002
        return ""

    def differences(self, machine: Machine, facts: Facts) -> Sequence[str]:  # noqa: ARG002
        return ()

    def join(self, remote: Remote, machine: Machine, facts: Facts, ticket: Ticket, on_event: OnEvent) -> None:  # noqa: ARG002
        remote.shell(JOIN, stdin=[str(ticket.token).encode()]).checked()
        self.cluster.joined.add(machine.name)

    def follow(self, remote: Remote, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        """Nothing runs on the hosts."""

    def reset(self, remote: Remote, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        """No machine is reset here."""


@dataclass
class Watch:
    """A report that notes when machines become ready."""

    ready: dict[str, float] = field(default_factory=dict)
    ended: RunEnded | None = None

    def handle(self, event: FleetEvent) -> None:
        if isinstance(event, MachineChanged) and event.state is State.READY:
            self.ready[event.machine] = event.at
        elif isinstance(event, RunEnded):
            self.ended = event

    def close(self) -> None:
        """Nothing is open."""

    @property
    def results(self) -> tuple[MachineResult, ...]:
        """The machines at the end of the run."""
        return self.ended.results if self.ended else ()


@dataclass
class Counted:
    """A dialer that notes the machines that it contacts."""

    inner: SshDialer
    places: set[tuple[str, int]] = field(default_factory=set)

    def dial(self, target: Target) -> Any:
        self.places.add((target.address, target.port))
        return self.inner.dial(target)


@contextmanager
def servers() -> Iterator[None]:
    """A server that never speaks, and one that closes each connection."""
    with ExitStack() as stack:
        for port in (SILENT, CLOSING):
            listener = stack.enter_context(socket.create_server(("0.0.0.0", port), backlog=512))  # noqa: S104
            threading.Thread(target=_serve, args=(listener, port == CLOSING), daemon=True).start()
        yield


def _serve(listener: socket.socket, closes: bool) -> None:
    kept = []
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return
        if closes:
            accepted.close()
        else:
            kept.append(accepted)


def faulty(target: Target, kind: str, folder: Path) -> Target:
    """The target with a fault."""
    if kind == "closed":
        return replace(target, port=CLOSED)
    if kind in ("silent", "closing"):
        return replace(target, port=SILENT if kind == "silent" else CLOSING)
    if kind == "key":
        return replace(target, host_keys=HostKeys(files=(folder / "known_hosts",)))
    if kind == "login":
        return replace(target, login=replace(target.login, key_files=(folder / "user",)))
    return target


def machines(spec: Any, folder: Path, *, faults: bool) -> tuple[tuple[Machine, ...], frozenset[str]]:
    """The machines of the fleet, and the names of those that are full."""
    every, full = [], set()
    keygen(folder / "user")
    keygen(folder / "other")
    public = " ".join((folder / "other.pub").read_text().split()[:2])
    lines = [f"[{each}]:{spec.target(each).port} {public}\n" for each in spec.addresses]
    (folder / "known_hosts").write_text("".join(lines))
    for number, address in enumerate(spec.addresses):
        target, name = spec.target(address), f"m{number:04}"
        if faults and number % SHARE == 0:
            kind = KINDS[number // SHARE % len(KINDS)]
            target = faulty(target, kind, folder)
            full |= {name} if kind == "disk" else set()
        every.append(Machine(name, target))
    return tuple(every), frozenset(full)


def _go(order: Order, root: Path, work: Work) -> tuple[Watch, Counted, float]:
    watch, start = Watch(), time.monotonic()
    with closing(SshDialer()) as ssh, opened(order, root) as given:
        dialer = Counted(ssh)
        engine = engine_of(given, Parts(dialer, work, work.cluster, lambda _known, _nodes: {}), watch)
        run(given, engine, watch)
    return watch, dialer, time.monotonic() - start


def _fleet(spec: Any, folder: Path, *, faults: bool) -> tuple[Fleet, Work]:
    every, full = machines(spec, folder, faults=faults)
    return Fleet("bench", every), Work(Cluster(), full)


def _order(fleet: Fleet, run_id: str, *, resume: bool = False) -> Order:
    return Order("add", Goal.ADD, fleet, fleet.machines, run_id, resume)


def joins(spec: Any) -> dict[str, object]:
    """All machines join, without faults; then the converged fleet."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fleet, work = _fleet(spec, folder, faults=False)
        watch, _, _ = _go(_order(fleet, "1"), folder, work)
        _require(len(watch.ready) == len(fleet.machines), "all machines join")
        last = max(watch.ready.values())
        good = [at for machine, at in watch.ready.items() if int(machine[1:]) % SHARE]
        again, _, seconds = _go(_order(fleet, "2"), folder, work)
        shells = max(each.shells for each in again.results)
        sent = sum(each.wan + each.lan for each in again.results)
        note = f"last ready {last:.1f} s, without the 5 % {max(good):.1f} s; "
        note += f"converged: {seconds:.1f} s, {shells} shell, {sent} B"
        return {"hosts": len(again.ready), "note": note}


def with_faults(spec: Any) -> dict[str, object]:
    """Five percent of the machines have a fault; then the run is resumed."""
    with tempfile.TemporaryDirectory() as name, servers():
        folder = Path(name)
        fleet, work = _fleet(spec, folder, faults=True)
        watch, _, _ = _go(_order(fleet, "1"), folder, work)
        resumed, dialer, _ = _go(_order(fleet, "2", resume=True), folder, work)
        _require(not resumed.ready, "faults remain")
        _require(not work.cluster.tokens, "no token is left")
        codes = sorted({each.code for each in watch.results if each.code})
        note = (
            f"good ones ready {max(watch.ready.values()):.1f} s; resume touches {len(dialer.places)}; {codes}"
        )
        return {"hosts": len(watch.ready), "note": note}


def _require(fact: bool, what: str) -> None:
    if not fact:
        raise SystemExit(f"not true: {what}")


ENGINE = {"engine, joins": joins, "engine, 5 % faults": with_faults}
