from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.hosts import facts
from edgeadm.phases.reset import knowledge, made

NAMESPACES = "/run/netns"


@dataclass(frozen=True)
class RemoveLinks:
    """Removes the pod network's interfaces, and its routes and addresses with them."""

    name: str = "network"
    summary: str = "remove the pod network's interfaces and namespaces"

    def check(self, ctx: Context) -> Verdict:
        found = [*_links(ctx), *_namespaces(ctx)]
        if not found:
            return Verdict(needed=False, reason="no interface of the pod network is there")
        return Verdict(needed=True, reason=f"to remove: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        for path in _namespaces(ctx):
            ctx.host.remove(path)
        for link in _links(ctx):
            ctx.host.run("ip", "link", "delete", link)

    def undo(self, ctx: Context) -> None:
        """What reset did stays done."""


def _links(ctx: Context) -> list[str]:
    if not knowledge.had_cluster(ctx):
        return []
    there = facts.links(ctx.host)
    return [link for link in made.LINKS if link in there]


def _namespaces(ctx: Context) -> list[str]:
    if not knowledge.had_cluster(ctx):
        return []
    return [f"{NAMESPACES}/{name}" for name in ctx.host.names(NAMESPACES) if name.startswith("cni-")]
