"""The interface of phases, and their context."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from edgeadm.cluster import Cluster, Outside
from edgeadm.config import Config
from edgeadm.config.ticket import Ticket
from edgeadm.core.journal import Journal
from edgeadm.core.leaves import Inventory, Leaves
from edgeadm.core.wait import Wait
from edgeadm.errors import UnreachableError
from edgeadm.hosts import Host
from edgeadm.package.opened import OpenPackage

Say = Callable[[str], None]
# The reason why a phase does not apply to the configuration; empty if it does.
When = Callable[[Config], str]


def nowhere() -> Outside:
    """The cluster of a verb that joins none."""
    raise UnreachableError("no cluster is configured")


def found_by_nobody(_ticket: Ticket) -> Outside:
    """The default of `outside`: there is no cluster to discover."""
    raise UnreachableError("no cluster can be discovered")


@dataclass(frozen=True)
class Context:
    """The context of a phase. `connect` opens the API, which does not exist before kubeadm has run; `outside`
    opens the API of the cluster to join."""

    config: Config
    host: Host
    journal: Journal
    connect: Callable[[], Cluster]
    # The inventory of all verbs' phases: `before` records it, and reset removes it.
    inventory: Inventory
    package: OpenPackage | None = None
    outside: Callable[[], Outside] = nowhere
    say: Say = lambda _text: None
    warn: Say = lambda _text: None
    # Whether an earlier run of this verb was interrupted in the current phase.
    interrupted: bool = False
    # Discards cached results: called after each phase with changes.
    forget: Callable[[], None] = lambda: None
    # Waits for states; only prints them in a dry run.
    wait: Wait = Wait()  # noqa: RUF009  it is frozen
    # Discovers the cluster of a ticket like a joining host.
    discover: Callable[[Ticket], Outside] = found_by_nobody


@dataclass(frozen=True)
class Verdict:
    """The result of `check`: whether the phase is needed, and why."""

    needed: bool
    reason: str = ""


class Phase(ABC):
    """One step that a user can name, skip and repeat. A subclass is a frozen dataclass with the fields `name`
    and `summary`."""

    # The inventory of the phase on a host besides the files in the journal.
    leaves: ClassVar[Leaves] = Leaves()

    @staticmethod
    def when(config: Config) -> str:  # noqa: ARG004
        """The reason why the phase does not apply to this configuration; empty if it does. The phase is then
        neither checked nor applied, and `plan` shows the reason."""
        return ""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def summary(self) -> str: ...

    @abstractmethod
    def check(self, ctx: Context) -> Verdict:
        """Compare the host with the desired state (read-only)."""

    def lacks(self, ctx: Context) -> str:  # noqa: ARG002
        """Missing results of earlier phases that `apply` requires, as text; empty if none is missing."""
        return ""

    @abstractmethod
    def apply(self, ctx: Context) -> None:
        """Bring the host to the state that `check` looks for. May be repeated, also after an interruption."""


def always(_config: Config) -> str:
    """For groups that apply to every configuration."""
    return ""


@dataclass(frozen=True)
class Group:
    """Phases under one name. `when` applies to each of them, in addition to its own."""

    name: str
    summary: str
    members: tuple[Phase | Group, ...]
    when: When = always
