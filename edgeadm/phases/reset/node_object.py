from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.hosts import facts
from edgeadm.phases.common import ADMIN_CONF, KUBELET_CONF
from edgeadm.phases.kubeadm_config import document
from edgeadm.phases.reset import knowledge


@dataclass(frozen=True)
class RemoveNode:
    """Takes the node out of the cluster's list. A node may not delete itself: this works where there is an
    admin.conf, that is on control planes, while the API answers."""

    name: str = "node-object"
    summary: str = "remove the node from the cluster"

    def check(self, ctx: Context) -> Verdict:
        if not self.is_member(ctx):
            return Verdict(needed=False, reason="this machine is in no cluster")
        left = self.left(ctx)
        if left:
            return Verdict(needed=False, reason=left)
        name = node_name(ctx)
        if ctx.connect().get("v1", "Node", name) is None:
            return Verdict(needed=False, reason=f"the cluster has no node `{name}`")
        return Verdict(needed=True, reason=f"node `{name}` is to leave the cluster's list")

    def apply(self, ctx: Context) -> None:
        try:
            if not self.left(ctx):
                ctx.connect().delete("v1", "Node", node_name(ctx))
        except (ApiError, UnreachableError) as error:
            ctx.warn(f"the node stays in the cluster's list: {error.message}")

    def undo(self, ctx: Context) -> None:
        """What reset did stays done."""

    def is_member(self, ctx: Context) -> bool:
        """Whether this machine is, or was about to be, a node."""
        return knowledge.had_cluster(ctx) and ctx.host.stat(KUBELET_CONF) is not None

    def left(self, ctx: Context) -> str:
        """Why the node stays in the cluster's list; empty where it can go."""
        if ctx.config.reset.keep_node_object:
            return "`--keep-node-object`: it stays in the cluster's list"
        by_hand = f"`kubectl delete node {node_name(ctx)}` on a control plane removes it from the list"
        if ctx.host.stat(ADMIN_CONF) is None:
            return f"a node cannot remove itself: {by_hand}"
        if not ctx.connect().ready():
            return f"the API server does not answer: {by_hand}"
        return ""


def node_name(ctx: Context) -> str:
    """The name that the node has in the cluster."""
    for kind in ("InitConfiguration", "JoinConfiguration"):
        name = document(ctx, kind).get("nodeRegistration", {}).get("name")
        if name:
            return str(name)
    return facts.hostname(ctx.host)
