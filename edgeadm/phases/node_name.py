"""The name of this machine's Node object, answered in this one place for every verb."""

from __future__ import annotations

from edgeadm import pki
from edgeadm.config.own_node import given_name
from edgeadm.core.phase import Context
from edgeadm.hosts import Host, facts
from edgeadm.phases.common import KUBELET_CONF
from edgeadm.phases.kubeadm_config import document
from edgeadm.phases.membership import CLIENT

NODE_USER = "system:node:"


def node_name(ctx: Context) -> str:
    """The name that this node has, or will have, in its cluster.

    A kubelet that was let in keeps the name in its certificate, whatever is asked for later. Before that the
    flag counts, then the user's document of this verb, then what an interrupted `init` wrote, then the host
    name. A `join` does not read what an `init` wrote."""
    written = "" if ctx.config.verb == "join" else _written(ctx)
    return registered_name(ctx.host) or given_name(ctx.config) or written or facts.hostname(ctx.host)


def registered_name(host: Host) -> str:
    """The name of this machine in the cluster whose node it is; empty if it is no node. A certificate that an
    earlier cluster left, without a kubeconfig that uses it, does not count."""
    if host.read(KUBELET_CONF) is None:
        return ""
    user = pki.common_name(host.read(CLIENT) or b"")
    return user.removeprefix(NODE_USER) if user.startswith(NODE_USER) else ""


def own_name(host: Host) -> str:
    """The name of this machine for verbs that only look at a node: as registered, else the host name."""
    return registered_name(host) or facts.hostname(host)


def _written(ctx: Context) -> str:
    registration = document(ctx, "InitConfiguration").get("nodeRegistration") or {}
    return str(registration.get("name") or "")
