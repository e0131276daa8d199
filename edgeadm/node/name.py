"""The name of this host's Node object."""

from __future__ import annotations

from edgeadm import pki
from edgeadm.config.own_node import given_name
from edgeadm.core.phase import Context
from edgeadm.hosts import Host, facts
from edgeadm.node.kubeadm_documents import document
from edgeadm.node.membership import CLIENT
from edgeadm.node.state import KUBELET_CONF

NODE_USER = "system:node:"


def node_name(ctx: Context) -> str:
    """The name that this node has, or will have, in its cluster.

    After the kubelet has joined, the name in its certificate is used, independent of later flags. Before, the
    order is: the flag, the user's document of this verb, the document of an interrupted `init`, the host
    name. A `join` does not read the document of an `init`.
    """
    written = "" if ctx.config.verb == "join" else _written(ctx)
    return registered_name(ctx.host) or given_name(ctx.config) or written or facts.hostname(ctx.host)


def registered_name(host: Host) -> str:
    """The name of this host in its cluster; empty if it is not a node. A certificate of an earlier cluster,
    without a kubeconfig that uses it, does not count."""
    if host.read(KUBELET_CONF) is None:
        return ""
    user = pki.common_name(host.read(CLIENT) or b"")
    return user.removeprefix(NODE_USER) if user.startswith(NODE_USER) else ""


def own_name(host: Host) -> str:
    """The name of this host for read-only verbs: as registered, else the host name."""
    return registered_name(host) or facts.hostname(host)


def _written(ctx: Context) -> str:
    registration = document(ctx, "InitConfiguration").get("nodeRegistration") or {}
    return str(registration.get("name") or "")
