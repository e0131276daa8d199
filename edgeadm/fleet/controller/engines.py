"""The engine with its real parts, for the controller and for Jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeadm.core.run_id import new_run_id
from edgeadm.fleet.around import space_of, unpacked_of
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.controller.errors import NotLeaderError
from edgeadm.fleet.cross_watch import CrossChecker
from edgeadm.fleet.crowd import Around
from edgeadm.fleet.engine import Engine
from edgeadm.fleet.events import FleetReport
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.journal import Unrecorded
from edgeadm.fleet.machine_work import MachineWork
from edgeadm.fleet.model import Fleet, Machine
from edgeadm.fleet.progress import Goal
from edgeadm.fleet.revocation import Token
from edgeadm.fleet.run import Opened, Order, Parts, engine_of
from edgeadm.fleet.tokens import Admission
from edgeadm.fleet.work import OnEvent, Ticket
from edgeadm.hosts.remote import Dialer, Remote


@dataclass
class LeadersWork(MachineWork):
    """The work of a replica that is the leader: a former leader starts nothing on a machine."""

    holds: Callable[[], bool] = lambda: True

    def join(self, remote: Remote, machine: Machine, facts: Facts, ticket: Ticket, on_event: OnEvent) -> None:
        self._refuse()
        super().join(remote, machine, facts, ticket, on_event)

    def reset(self, remote: Remote, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        self._refuse()
        super().reset(remote, machine, facts, on_event)

    def _refuse(self) -> None:
        if not self.holds():
            raise NotLeaderError("another replica of the controller is the leader now")


def real_engine(
    fleet: Fleet,
    tokens: Sequence[Token],
    admission: Admission,
    report: FleetReport,
    *,
    dialer: Dialer,
    bundles: Bundles,
    endpoint: str,
    ca_hash: str,
    holds: Callable[[], bool] = lambda: True,
) -> Engine:
    """An engine that adds the machines of the fleet. Lists the Nodes of the cluster: raises
    ClusterAwayError."""
    space = {"space": space_of(bundles), "unpacked": unpacked_of(bundles)}
    around = Around.of(fleet, endpoint=endpoint, ca=ca_hash, **space)
    work = LeadersWork(fleet, ca_hash, (endpoint,) if endpoint else (), bundles=bundles, holds=holds)
    order = Order("add", Goal.ADD, fleet, fleet.machines, new_run_id())
    given = Opened(order, Unrecorded(), fleet.machines, tokens=tokens, run=order.run)
    return engine_of(given, Parts(dialer, work, admission, CrossChecker(around)), report, labels=False)
