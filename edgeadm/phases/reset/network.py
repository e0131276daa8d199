"""Removal of network interfaces and of the virtual IP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import facts
from edgeadm.node import ownership
from edgeadm.node.virtual_ip.settings import FILE as SETTINGS
from edgeadm.node.virtual_ip.settings import kept_settings

NAMESPACES = "/run/netns"


@dataclass(frozen=True)
class RemoveLinks(Phase):
    """Removes the pod network's interfaces with their routes and addresses; and the virtual IP, which remains
    if its holder was killed."""

    name: str = "network"
    summary: str = "remove the pod network's interfaces and namespaces, and the virtual IP"

    def check(self, ctx: Context) -> Verdict:
        found = [*_links(ctx), *_namespaces(ctx), *(each for each, _ in _virtual_ip(ctx))]
        if not found:
            return Verdict(needed=False, reason="no interface of the pod network is left")
        return Verdict(needed=True, reason=f"to remove: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        for path in _namespaces(ctx):
            ctx.host.remove(path)
        for link in _links(ctx):
            ctx.host.run("ip", "link", "delete", link)
        for address, interface in _virtual_ip(ctx):
            ctx.host.run("ip", "address", "delete", address, "dev", interface)


def _virtual_ip(ctx: Context) -> Iterator[tuple[str, str]]:
    """The address with its prefix, and where it is."""
    kept = kept_settings(ctx) if ownership.owns(ctx, SETTINGS) else None
    if kept is None:
        return
    for interface, addresses in facts.addresses(ctx.host).items():
        for each in addresses:
            if each.partition("/")[0] == kept.shared.address:
                yield each, interface


def _links(ctx: Context) -> list[str]:
    if not ownership.had_cluster(ctx):
        return []
    there = facts.links(ctx.host)
    return [link for link in ctx.inventory.links if link in there]


def _namespaces(ctx: Context) -> list[str]:
    if not ownership.had_cluster(ctx):
        return []
    return [f"{NAMESPACES}/{name}" for name in ctx.host.names(NAMESPACES) if name.startswith("cni-")]
