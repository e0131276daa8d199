"""The work on one machine, as the engine calls it: each method is one step, and looks before it acts.

Steps raise EdgeadmError with the code of the cause; UnreachableError means `waiting` instead of `failed`. No
step knows of other machines, concurrency, or the journal of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from edgeadm.checks.engine import Finding
from edgeadm.cluster import Object
from edgeadm.config.secret import Secret
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Machine
from edgeadm.hosts.remote import Remote

OnEvent = Callable[[Mapping[str, Any]], None]
# Checks between machines (edgeadm/fleet/cross.py): the arguments are the machines with their facts, by name,
# and the Node objects of the cluster; the result are the findings, by name. A failed one fails its machine.
CrossCheck = Callable[
    [Mapping[str, tuple[Machine, Facts]], Sequence[Object]], Mapping[str, Sequence[Finding]]
]


class Action(StrEnum):
    """The change that a machine needs."""

    NOTHING = "nothing"
    JOIN = "join"
    # Attach to a run on the machine that has not ended.
    FOLLOW = "follow"
    RESET = "reset"
    # Labels or taints of its Node are changed; the machine itself is not.
    LABELS = "labels"
    # Reset, then join.
    REINSTALL = "reinstall"


@dataclass(frozen=True)
class Loaded:
    """The bytes that a machine received, over the WAN and from a machine of its site."""

    wan: int = 0
    lan: int = 0


@dataclass(frozen=True)
class LanSource:
    """A machine that serves the files of a role to the machines of its site. `until` is the time, in seconds
    of this host's monotonic clock, at which it may have ended."""

    address: str
    port: int
    until: float


@dataclass(frozen=True)
class Ticket:
    """The values that a machine needs to join, beside its document: the endpoint, the hash of the CA and its
    own token. `certificate_key` is for further control planes."""

    endpoint: str
    ca_hash: str
    token: Secret
    certificate_key: Secret | None = None


class Work(Protocol):
    """The steps for one machine."""

    def inspect(self, remote: Remote, machine: Machine) -> Facts:
        """Gather the facts, in one shell."""

    def action(self, machine: Machine, facts: Facts) -> tuple[Action, str]:
        """The change that the machine needs, and the reason."""

    def check(self, remote: Remote, machine: Machine, facts: Facts) -> Sequence[Finding]:
        """The findings of the product's preflight checks for this machine, read-only."""

    def load(self, remote: Remote, machine: Machine, facts: Facts, source: LanSource | None = None) -> Loaded:
        """Send edgeadm and the files for the role, without those that the machine has already. With `source`
        the machine gets them there first, and only the rest is sent."""

    def share(self, remote: Remote, machine: Machine, facts: Facts) -> LanSource | None:
        """Serve the loaded files to the machines of the site, for a few minutes, in a transient unit; None if
        the machine cannot. Machines with the same role and architecture can use it."""

    def differences(self, machine: Machine, facts: Facts) -> Sequence[str]:
        """The fields of the record of a joined machine that differ from the document: `labels` and `taints`
        can be applied to the Node object, the others require a reinstallation."""

    def former(self, machine: Machine, facts: Facts) -> str:
        """The name of the Node in the cluster of the run that the machine has now, if the document gives it
        another one; empty otherwise."""

    def join(self, remote: Remote, machine: Machine, facts: Facts, ticket: Ticket, on_event: OnEvent) -> None:
        """Start `edgeadm join` as a transient unit, and follow its events until it ends; `edgeadm init` if
        the ticket has no hash of a CA, because the machine is the first control plane."""

    def follow(self, remote: Remote, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        """Follow a run that has not ended."""

    def reset(self, remote: Remote, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        """Run `edgeadm reset` as a transient unit, and follow it. Afterwards nothing of edgeadm is left on
        the machine; if `machine.reinstall` is set, the loaded files stay for the join that follows."""
