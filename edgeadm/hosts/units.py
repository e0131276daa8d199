"""States of systemd units."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from edgeadm.hosts.base import Host

PROPERTIES = (
    "Id",
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "NeedDaemonReload",
    "After",
    "Before",
)
# `static` and `enabled-runtime` are excluded: systemd does not start such units after a power cut.
STARTS_AT_BOOT = ("enabled", "alias", "generated")
IN_USE = ("active", "activating", "deactivating", "reloading")


@dataclass(frozen=True)
class UnitState:
    """A unit as loaded by systemd. `stale` tells whether its file has changed since."""

    load: str = ""
    file: str = ""
    active_state: str = ""
    sub_state: str = ""
    stale: bool = False
    after: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()

    @property
    def enabled(self) -> bool:
        """Whether it starts at each boot."""
        return self.file in STARTS_AT_BOOT

    @property
    def active(self) -> bool:
        """Whether it is running, or a finished oneshot."""
        return self.active_state == "active"

    @property
    def in_use(self) -> bool:
        """Whether it has to be stopped before its files are removed. A unit that fails repeatedly may be
        between two starts."""
        return self.active_state in IN_USE


def full_name(unit: str) -> str:
    """The name with its type: `kubelet` is `kubelet.service`."""
    return unit if "." in unit else f"{unit}.service"


def unit_states(host: Host, *units: str) -> dict[str, UnitState]:
    """Unit name → its state; unknown units are omitted."""
    names = {full_name(unit): unit for unit in units}
    answer = host.ask("systemctl", "show", f"--property={','.join(PROPERTIES)}", *names, timeout=30)
    return {names[name]: state for name, state in parse_units(answer.out) if name in names}


def not_ready(host: Host, *units: str, resting: Collection[str] = ()) -> str:
    """The first of these units that does not start at boot or is not running, as text; empty if there is
    none. Those of `resting` need not be running."""
    states = unit_states(host, *units) if units else {}
    for unit in units:
        state = states.get(unit, UnitState())
        if not state.enabled:
            return f"the unit {unit} is not enabled at boot"
        if not state.active and unit not in resting:
            return f"the unit {unit} is not running"
    return ""


def parse_units(text: str) -> Iterator[tuple[str, UnitState]]:
    """The paragraphs of `systemctl show`, one for each unit."""
    for paragraph in text.split("\n\n"):
        lines = (line.partition("=") for line in paragraph.splitlines())
        found = {name: value for name, _, value in lines}
        if found.get("Id"):
            yield (
                found["Id"],
                UnitState(
                    found.get("LoadState", ""),
                    found.get("UnitFileState", ""),
                    found.get("ActiveState", ""),
                    found.get("SubState", ""),
                    found.get("NeedDaemonReload") == "yes",
                    frozenset(found.get("After", "").split()),
                    frozenset(found.get("Before", "").split()),
                ),
            )
