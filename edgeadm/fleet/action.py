"""The change that a machine needs, from its facts."""

from __future__ import annotations

from collections.abc import Sequence

from edgeadm.fleet.errors import RemainsError
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.model import Machine
from edgeadm.fleet.unit import Run
from edgeadm.fleet.work import Action
from edgeadm.node.membership import OtherClusterError

# A directory that container runtimes use as well: preflight checks its content.
SHARED = ("/etc/cni/net.d",)
REINSTALL = "`edgeadm nodes reinstall` applies them"
FOLLOWED = ("join", "init")


def action_of(machine: Machine, facts: Facts, ca: str, differs: Sequence[str]) -> tuple[Action, str]:
    """The action and its reason. `ca` is the hash of the CA of the cluster, empty before it exists; `differs`
    are the fields of the record that differ.

    Raises OtherClusterError and RemainsError, unless the machine shall be reinstalled.
    """
    if facts.running:
        return Action.FOLLOW, f"`edgeadm {Run.of(facts.running).verb}` is running there"
    member = facts.membership
    if machine.reinstall:
        known = member is not None or facts.remains or facts.interrupted
        return (
            (Action.REINSTALL, "a reinstallation was requested")
            if known
            else (Action.JOIN, "it is not a node of a cluster")
        )
    if facts.interrupted in FOLLOWED and (member is None or member.ca in ("", ca)):
        return Action.JOIN, f"`edgeadm {facts.interrupted}` was interrupted, and continues"
    if facts.interrupted == "reset":
        return Action.REINSTALL, "`edgeadm reset` was interrupted"
    if member is not None:
        return _of_member(machine, member, ca, differs)
    if remains := [each for each in facts.remains if each not in SHARED]:
        raise RemainsError(
            f"{machine.name} ({machine.address}) contains files of another cluster: {', '.join(remains)}",
            hint="remove them, or reinstall the machine with `edgeadm nodes reinstall`",
        )
    return Action.JOIN, "it is not a node of a cluster"


def _of_member(machine: Machine, member: Membership, ca: str, differs: Sequence[str]) -> tuple[Action, str]:
    if ca and member.ca != ca:
        raise OtherClusterError(
            f"{machine.name} ({machine.address}) is a node of the cluster at {member.server}",
            hint="correct the address, or reinstall the machine with `edgeadm nodes reinstall`",
        )
    if member.node and member.node != machine.name:
        raise RemainsError(
            f"{machine.name} ({machine.address}) is in the cluster already, as the node {member.node}",
            hint="correct the address or the name, or reinstall the machine with `edgeadm nodes reinstall`",
        )
    if not member.active:
        return Action.JOIN, "it has joined, but kubelet does not run"
    if differs:
        names = ", ".join(differs)
        return Action.NOTHING, f"it has joined with other values of: {names}; {REINSTALL}"
    return Action.NOTHING, "it has joined with these settings"
