"""Checks that all units start by themselves, in the right order, and without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgeadm.autonomy.node import CONTAINERD, KUBELET, UNITS, EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, ok, warning
from edgeadm.hosts.units import full_name
from edgeadm.node import units
from edgeadm.node.offline_files import HELPER
from edgeadm.node.units import KEEP, REPAIR

GROUP = "boot"
LITE = units.LITE_APISERVER
ONLINE = "network-online.target"
# The purpose of each unit of UNITS, as the end of a sentence about its start.
PURPOSES = {
    REPAIR: "which repairs the state after a power cut, is enabled",
    units.NIC: "which adds the virtual address, has run and is enabled",
    CONTAINERD: "is running and enabled",
    LITE: "is running and enabled",
    units.SERVICE_IP: "which redirects the Service `kubernetes` to this node, has run and is enabled",
    KUBELET: "is running and enabled",
    KEEP: "which keeps a copy of the cache, is running and enabled",
    units.RENEWAL_TIMER: "which renews lite-apiserver's certificate, is running and enabled",
}
# Unit → the units that must start after it.
BEFORE = {
    REPAIR: (CONTAINERD, LITE, KUBELET),
    units.NIC: (LITE, KUBELET),
    LITE: (KUBELET,),
    units.SERVICE_IP: (KUBELET,),
}


def code_of(unit: str) -> str:
    """The code of this unit's check."""
    return f"unit-{unit.removesuffix('.timer')}"


def _runs(unit: str) -> Callable[[EdgeNode], Outcome]:
    def probe(node: EdgeNode) -> Outcome:
        state = node.units.get(unit)
        if state is None:
            return failed("systemd does not respond")
        if state.load != "loaded":
            return failed(f"{full_name(unit)} is {state.load or 'unknown'}")
        found = f"{state.file or 'not enabled'}, {state.active_state or 'inactive'}"
        # Join does not start it on a running node, because it deletes the reservations of the Pod network.
        waits = unit == REPAIR and state.active_state == "inactive"
        if state.enabled and (state.active or waits):
            return ok(found)
        if state.enabled and unit == REPAIR:
            return failed(found, f"see `journalctl -u {unit}`; it runs again at the next boot")
        if state.enabled:
            why = f"see `journalctl -u {unit}`; start it with `systemctl restart {unit}`"
            return failed(f"{found} ({state.sub_state})" if state.sub_state else found, why)
        return failed(found)

    return probe


def _order(node: EdgeNode) -> Outcome:
    wrong = list(_out_of_order(node))
    return failed("; ".join(wrong)) if wrong else ok("every unit starts after its dependencies")


def _out_of_order(node: EdgeNode) -> Iterator[str]:
    for unit, later in BEFORE.items():
        state = node.units.get(unit)
        for each in later if state is not None and state.load == "loaded" else ():
            other = node.units.get(each)
            told = full_name(each) in state.before if state else False
            if not told and not (other is not None and full_name(unit) in other.after):
                yield f"{each} does not start after {unit}"


def _network(node: EdgeNode) -> Outcome:
    waiting = [each for each in (CONTAINERD, LITE, KUBELET) if _waits(node, each)]
    if not waiting:
        return ok(f"no unit waits for {ONLINE}")
    return warning(
        f"{', '.join(waiting)} waits for {ONLINE}: without a network link this delays each boot by minutes"
    )


def _waits(node: EdgeNode, unit: str) -> bool:
    state = node.units.get(unit)
    return state is not None and ONLINE in state.after


def _read(node: EdgeNode) -> Outcome:
    stale = [each for each, state in node.units.items() if state.stale]
    if not stale:
        return ok("systemd has loaded the units as they are on disk")
    return warning(f"changed since systemd loaded them: {', '.join(stale)}")


def _helper(node: EdgeNode) -> Outcome:
    verbs = ("cache", "pods", "addresses", "images")
    lacking = [told.fault for told in (node.told(verb) for verb in verbs) if told.absent]
    return failed(lacking[0]) if lacking else ok(f"{HELPER} answers")


BOOT_CHECKS = (
    *(
        Check(
            code_of(unit),
            GROUP,
            f"{unit}{', ' if PURPOSES[unit].startswith('which') else ' '}{PURPOSES[unit]}",
            _runs(unit),
            hint=f"`systemctl enable {'' if unit == REPAIR else '--now '}{unit}`; if the unit is missing, "
            "run `edgeadm join` again",
        )
        for unit in UNITS
    ),
    Check(
        "boot-order",
        GROUP,
        "every unit starts after its dependencies",
        _order,
        hint="`systemctl cat` of these units and their drop-ins shows the changed order",
    ),
    Check(
        "boot-offline",
        GROUP,
        "no unit that the node needs waits for a network",
        _network,
        hint=f"remove `{ONLINE}` from `After=` and `Wants=` with a drop-in by `systemctl edit UNIT`",
    ),
    Check(
        "units-read",
        GROUP,
        "systemd has loaded the current unit files",
        _read,
        hint="`systemctl daemon-reload`, then check again",
    ),
    Check(
        "helper",
        GROUP,
        "edgeadm-node is installed and supports every required command",
        _helper,
        hint="run `edgeadm join` again with the package for this edgeadm",
    ),
)
