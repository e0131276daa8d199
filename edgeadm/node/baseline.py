"""The state of the host before edgeadm, recorded because the programs of a cluster change it without a
journal."""

from __future__ import annotations

from typing import Any

from edgeadm.core.phase import Context
from edgeadm.hosts import facts, iptables
from edgeadm.node.state import KUBELET_CONF

EVENT = "before"
LOADED = "/sys/kernel/security/apparmor/profiles"
TABLES = tuple(
    f"{family} {name}" for family in ("ip", "ip6") for name in ("filter", "nat", "mangle", "raw", "security")
)


def remember(ctx: Context) -> None:
    """Write it to the journal, once."""
    if not remembered(ctx):
        there = ctx.inventory
        ctx.host.stat_all((*there.places, *there.shared))
        ctx.journal.add(
            EVENT,
            sysctls=facts.sysctls(ctx.host, there.sysctls),
            places={path: _state(ctx, path) for path in (*there.places, *there.shared)},
            tables=packet_filter(ctx),
            profiles=profiles(ctx),
        )


def remembered(ctx: Context) -> dict[str, Any]:
    """The record, or an empty mapping."""
    return next((record.detail for record in ctx.journal.records() if record.event == EVENT), {})


def is_due(ctx: Context) -> bool:
    """Whether there is no record yet, and the machine is still as it was."""
    return not remembered(ctx) and ctx.host.stat(KUBELET_CONF) is None


def profiles(ctx: Context) -> list[str]:
    """The AppArmor profiles of clusters that are loaded; none on a kernel without AppArmor."""
    lines = (ctx.host.read(LOADED) or b"").decode().splitlines()
    loaded = {line.rpartition(" (")[0] for line in lines}  # `NAME (enforce)`
    return [each for each in ctx.inventory.profiles if each in loaded]


def packet_filter(ctx: Context) -> dict[str, list[str]] | None:
    """The packet filter's tables as `family name`, each with its chains; None where they cannot be listed."""
    answer = ctx.host.ask("nft", "list", "chains")
    return iptables.parse_chains(answer.out) if answer.code == 0 else None


def _state(ctx: Context, path: str) -> dict[str, Any] | None:
    found = ctx.host.stat(path)
    if found is None:
        return None
    return {"kind": found.kind, "mode": found.mode, "empty": not ctx.host.names(path)}
