"""What a phase is, and what it may reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edgeadm.cluster import Cluster, Outside
from edgeadm.config import Config
from edgeadm.config.ticket import Ticket
from edgeadm.core.journal import Journal
from edgeadm.errors import UnreachableError
from edgeadm.hosts import Host
from edgeadm.package.opened import OpenPackage

Say = Callable[[str], None]


def nowhere() -> Outside:
    """The cluster of a verb that joins none."""
    raise UnreachableError("no cluster is configured")


def found_by_nobody(_ticket: Ticket) -> Outside:
    """Where nothing can be asked from outside."""
    raise UnreachableError("no cluster can be discovered")


@dataclass(frozen=True)
class Context:
    """All that a phase may reach. `connect` opens the API, which is not there before kubeadm has run;
    `outside` the API of the cluster that this machine is to join."""

    config: Config
    host: Host
    journal: Journal
    connect: Callable[[], Cluster]
    package: OpenPackage | None = None
    outside: Callable[[], Outside] = nowhere
    say: Say = lambda _text: None
    warn: Say = lambda _text: None
    # Looks for the cluster of a ticket as a machine does that is to join it.
    discover: Callable[[Ticket], Outside] = found_by_nobody


@dataclass(frozen=True)
class Verdict:
    """What `check` found: whether there is work, and why."""

    needed: bool
    reason: str = ""


class Phase(Protocol):
    """One step that a user can name, skip, repeat and undo."""

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    def check(self, ctx: Context) -> Verdict:
        """Look, touch nothing."""

    def apply(self, ctx: Context) -> None:
        """Bring the machine to the state that `check` looks for. Safe to repeat."""

    def undo(self, ctx: Context) -> None:
        """Take back what the journal's file records do not. Safe to repeat, and after half an `apply`."""


@dataclass(frozen=True)
class Group:
    """Phases under one name."""

    name: str
    summary: str
    members: tuple[Phase | Group, ...]
