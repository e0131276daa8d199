"""What a phase is, and what it may reach."""

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
# Why a phase does not apply to what was asked for; empty if it does.
When = Callable[[Config], str]


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
    # What the phases of all verbs may leave on a machine: `before` looks at it, and reset removes it.
    inventory: Inventory
    package: OpenPackage | None = None
    outside: Callable[[], Outside] = nowhere
    say: Say = lambda _text: None
    warn: Say = lambda _text: None
    # Whether an earlier run of this verb was cut off in the phase that is checked or applied.
    interrupted: bool = False
    # Drops what is remembered of the machine: called after each phase that changed something.
    forget: Callable[[], None] = lambda: None
    # Waits for states; only notes them in a dry run.
    wait: Wait = Wait()  # noqa: RUF009  it is frozen
    # Looks for the cluster of a ticket as a machine does that is to join it.
    discover: Callable[[Ticket], Outside] = found_by_nobody


@dataclass(frozen=True)
class Verdict:
    """What `check` found: whether there is work, and why."""

    needed: bool
    reason: str = ""


class Phase(ABC):
    """One step that a user can name, skip and repeat. A subclass is a frozen dataclass with the fields `name`
    and `summary`."""

    # What the phase leaves on a machine besides the files in the journal.
    leaves: ClassVar[Leaves] = Leaves()

    @staticmethod
    def when(config: Config) -> str:  # noqa: ARG004
        """Why the phase does not apply to this configuration; empty if it does. The phase is then neither
        checked nor applied, and `plan` shows the reason."""
        return ""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def summary(self) -> str: ...

    @abstractmethod
    def check(self, ctx: Context) -> Verdict:
        """Look, touch nothing."""

    def lacks(self, ctx: Context) -> str:  # noqa: ARG002
        """What `apply` needs and earlier phases have not made yet, in words; empty if nothing is missing."""
        return ""

    @abstractmethod
    def apply(self, ctx: Context) -> None:
        """Bring the machine to the state that `check` looks for. Safe to repeat, also after a part."""


def always(_config: Config) -> str:
    """For groups that apply to every configuration."""
    return ""


@dataclass(frozen=True)
class Group:
    """Phases under one name. `when` holds for each of them, beside its own."""

    name: str
    summary: str
    members: tuple[Phase | Group, ...]
    when: When = always
