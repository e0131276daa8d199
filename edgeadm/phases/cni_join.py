from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.cni import CONFLIST, conflist
from edgeadm.phases.membership import cluster_facts


@dataclass(frozen=True)
class JoinPodNetwork:
    """The configuration that containerd needs for flannel. flannel's own Pod comes with the cluster."""

    name: str = "cni"
    summary: str = "write the pod network's configuration"

    def check(self, ctx: Context) -> Verdict:
        if not _has_flannel(ctx):
            return Verdict(needed=False, reason="the cluster's pod network brings its own configuration")
        if ctx.host.read(CONFLIST) != conflist(ctx):
            return Verdict(needed=True, reason=f"{CONFLIST} is missing or differs")
        return Verdict(needed=False, reason=f"{CONFLIST} is in place")

    def apply(self, ctx: Context) -> None:
        wanted = conflist(ctx)
        if _has_flannel(ctx) and wanted is not None:
            ctx.host.write(CONFLIST, wanted)

    def undo(self, ctx: Context) -> None:
        """The journal removes the file."""


def _has_flannel(ctx: Context) -> bool:
    """What the cluster says of itself goes before the flag, which only it needs that does not say."""
    facts = cluster_facts(ctx)
    return (facts.cni if facts and facts.cni else ctx.config.cni) == "flannel"
