"""The API servers of the cluster, and which of them use the tunnel."""

from __future__ import annotations

from edgeadm.apps.egress_files import CONFIG, FLAG, MANIFEST
from edgeadm.apps.facts import has_cluster
from edgeadm.cluster import Object
from edgeadm.core.phase import Context
from edgeadm.kubeadm.static_pod import command_of, load_command
from edgeadm.node.name import node_name


def unwired(ctx: Context) -> list[str]:
    """Control planes whose API server does not go through the tunnel, by the names of their nodes."""
    return [_node(pod) for pod in api_servers(ctx) if not _goes_through(pod)]


def wired_elsewhere(ctx: Context) -> list[str]:
    """Other control planes than this machine whose API server goes through the tunnel."""
    if not has_cluster(ctx):
        return []
    manifest = ctx.host.read(MANIFEST)
    own = pod_name(ctx, manifest) if manifest is not None else ""
    return [_node(pod) for pod in api_servers(ctx) if _goes_through(pod) and pod["metadata"]["name"] != own]


def api_servers(ctx: Context) -> list[Object]:
    """The Pods of API servers that run as static Pods."""
    return ctx.connect().list_objects("v1", "Pod", "kube-system", labels="component=kube-apiserver")


def pod_name(ctx: Context, manifest: bytes) -> str:
    """The name that the API server of this machine has as a Pod: told by the address that it announces."""
    own = [word for word in load_command(manifest) if word.startswith("--advertise-address=")]
    for pod in api_servers(ctx):
        if own and own[0] in command_of(pod):
            return str(pod["metadata"]["name"])
    return f"kube-apiserver-{node_name(ctx)}"


def _goes_through(pod: Object) -> bool:
    return f"--{FLAG}={CONFIG}" in command_of(pod)


def _node(pod: Object) -> str:
    return str(pod["spec"].get("nodeName") or pod["metadata"]["name"])
