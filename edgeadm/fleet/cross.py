"""Checks between the machines of a fleet, and against the Nodes of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edgeadm.checks.engine import WRONG, Check, Finding, run_checks, waive, with_result
from edgeadm.cluster import Object
from edgeadm.fleet.cross_cluster import CLUSTER_CHECKS
from edgeadm.fleet.cross_identity import IDENTITY_CHECKS
from edgeadm.fleet.cross_system import SYSTEM_CHECKS
from edgeadm.fleet.crowd import Around, Crowd, Placed
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Machine

CROSS_CHECKS: tuple[Check[Placed], ...] = (*IDENTITY_CHECKS, *CLUSTER_CHECKS, *SYSTEM_CHECKS)


def cross_check(
    known: Mapping[str, tuple[Machine, Facts]], nodes: Sequence[Object], around: Around | None = None
) -> Mapping[str, Sequence[Finding]]:
    """The warnings and failures of each machine, by name; machines without findings are left out.

    `nodes` are the Nodes of the cluster. For machines that become known later, keep a Crowd, and call
    `cross_check_one` for each of them.
    """
    crowd = Crowd(around or Around(), nodes)
    for machine, facts in known.values():
        crowd.add(machine, facts)
    found = {machine.name: cross_check_one(crowd, machine.name) for machine, _ in known.values()}
    return {name: each for name, each in found.items() if each}


def cross_check_one(crowd: Crowd, name: str) -> Sequence[Finding]:
    """The warnings and failures of one known machine against all other known ones."""
    peer = crowd.peer(name)
    codes = (*crowd.around.waived, *_waived(peer.machine))
    found = waive(run_checks(CROSS_CHECKS, Placed(peer, crowd)), codes)
    return with_result(found, *WRONG)


def _waived(machine: Machine) -> Iterable[str]:
    """The codes of `ignorePreflightErrors` of the machine, a list or words with commas."""
    given = machine.settings.get("ignorePreflightErrors") or ()
    words = given.split(",") if isinstance(given, str) else given
    return [str(each).strip() for each in words] if isinstance(words, Sequence) else ()
