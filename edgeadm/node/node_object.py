"""Deletion of the Node object: who may delete it, and when."""

from __future__ import annotations

from edgeadm.cluster import Object
from edgeadm.core.phase import Context
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.node import ownership
from edgeadm.node.name import node_name
from edgeadm.node.state import ADMIN_CONF, CONTROL_PLANE, KUBELET_CONF


def is_member(ctx: Context) -> bool:
    """Whether this machine is, or was about to be, a node."""
    return ownership.had_cluster(ctx) and ctx.host.stat(KUBELET_CONF) is not None


def api_answers(ctx: Context) -> bool:
    """Whether there is an admin.conf, and the API server that it names is ready. Asked rarely: a network that
    swallows packets costs many seconds."""
    return ctx.host.stat(ADMIN_CONF) is not None and ctx.connect().ready()


def why_it_stays(ctx: Context, *, answers: bool) -> str:
    """The reason why the Node is not deleted; empty if it can be, or if the cluster ends with this node.

    A node may not delete itself, which requires an admin.conf: control planes have one.
    """
    if ctx.config.reset.keep_node_object:
        return "`--keep-node-object`"
    by_hand = f"delete it with `kubectl delete node {node_name(ctx)}` on a control plane"
    if ctx.host.stat(ADMIN_CONF) is None:
        return f"a node cannot remove itself; {by_hand}"
    if not answers:
        return f"the API server does not respond; {by_hand}"
    return ""


def is_last(ctx: Context) -> bool:
    """Whether no other control plane is in the cluster, which ends with this one."""
    own = node_name(ctx)
    nodes = ctx.connect().list_objects("v1", "Node")
    return not any(_is_control_plane(node) for node in nodes if node["metadata"]["name"] != own)


def remove(ctx: Context, name: str) -> None:
    """Delete the Node, through a remaining control plane. An error is only a warning, because the rest of the
    reset does not depend on it."""
    try:
        ctx.connect().delete("v1", "Node", name)
    except (ApiError, UnreachableError) as error:
        ctx.warn(f"Node `{name}` is not deleted: {error.message}")


def _is_control_plane(node: Object) -> bool:
    return CONTROL_PLANE in (node["metadata"].get("labels") or {})
