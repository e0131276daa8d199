"""The CNI configuration of a joining node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.config.ticket import is_edge
from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.cni_files import AT_EDGE, CONFLIST, CONFLIST_VALUES, PLUGIN
from edgeadm.node.files import difference, renderer, with_mode
from edgeadm.node.membership import cluster_facts, has_credentials
from edgeadm.node.paths import PLUGINS
from edgeadm.phases.cni import OF_FLANNEL


@dataclass(frozen=True)
class JoinPodNetwork(Phase):
    """The configuration that containerd needs for flannel. flannel's own Pod comes with the cluster. On an
    edge node Pods get the addresses back that they had, also after a power cut."""

    name: str = "cni"
    summary: str = "write the pod network's CNI configuration"
    leaves: ClassVar[Leaves] = OF_FLANNEL

    def check(self, ctx: Context) -> Verdict:
        if not _has_flannel(ctx):
            return Verdict(
                needed=False, reason="the cluster's pod network installs its own CNI configuration"
            )
        if differs := difference(ctx, with_mode({CONFLIST: _conflist(ctx)})):
            return Verdict(needed=True, reason=differs)
        return Verdict(needed=False, reason=f"{CONFLIST} is in place")

    def apply(self, ctx: Context) -> None:
        if not _has_flannel(ctx):
            return
        ctx.host.write(CONFLIST, _conflist(ctx))
        if _is_at_edge(ctx) and not _has_plugin(ctx):
            ctx.warn(f"{PLUGIN} is missing: Pods on this node get other addresses after a reboot")
        elif _is_at_edge(ctx) and not _remembers(ctx):
            ctx.warn(
                "Pods are running on this node: they keep their addresses across reboots only after "
                "`edgeadm reset` and another join"
            )


def _conflist(ctx: Context) -> bytes:
    values = AT_EDGE | {"remembers": _remembers(ctx)} if _is_at_edge(ctx) else CONFLIST_VALUES
    return renderer(ctx).text("cni/flannel.conflist", values).encode()


def _has_flannel(ctx: Context) -> bool:
    """What the cluster says of itself goes before the flag, which only it needs that does not say."""
    facts = cluster_facts(ctx)
    return _is_at_edge(ctx) or (facts.cni if facts and facts.cni else ctx.config.cni) == "flannel"


def _is_at_edge(ctx: Context) -> bool:
    """Whether the flannel of this node is the one for edge nodes."""
    facts = cluster_facts(ctx)
    return is_edge(ctx.config) and facts is not None and "flannel" in facts.edge_programs


def _remembers(ctx: Context) -> bool:
    """Whether addresses are remembered: from the first Pod on, or not at all. Those of Pods that run already
    are reserved elsewhere, and would be given away once more."""
    begun = has_credentials(ctx) and PLUGIN.encode() not in (ctx.host.read(CONFLIST) or b"")
    return _has_plugin(ctx) and not begun


def _has_plugin(ctx: Context) -> bool:
    """Packages of other makers may not have it."""
    packed = ctx.package is not None and ctx.package.has(f"cni/{PLUGIN}")
    return packed or ctx.host.stat(f"{PLUGINS}/{PLUGIN}") is not None
