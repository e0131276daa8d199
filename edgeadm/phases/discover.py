from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from edgeadm.cluster import Object, Outside
from edgeadm.config.model import Config
from edgeadm.config.ticket import is_edge
from edgeadm.core.phase import Context, Verdict
from edgeadm.errors import ApiError, ConfigError, UnsupportedVersionError
from edgeadm.kubeadm import compat
from edgeadm.phases.common import kubernetes_version, node_name, resuming
from edgeadm.phases.membership import FACTS, ClusterFacts, is_member

KUBEADM_CONFIG = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
EDGE_INFO = "/api/v1/namespaces/edge-system/configmaps/edge-info"
DEFAULT_VIRTUAL = Config().edge_virtual_addr


class NameTakenError(ApiError):
    """A node of this name is alive in the cluster."""

    code = "name-taken"


class PlainClusterError(ApiError):
    """The cluster was made without edge components, and an edge node cannot join it."""

    code = "not-an-edge-cluster"


@dataclass(frozen=True)
class Discover:
    """Finds the cluster, makes sure that it is the right one, and asks it what this node has to agree with it
    about. Everything that a wrong address, token or hash can cause comes to light here, before any change."""

    name: str = "discover"
    summary: str = "find and check the cluster, and what it wants of a node"

    def check(self, ctx: Context) -> Verdict:
        if is_member(ctx):
            return Verdict(needed=False, reason="this node is in its cluster")
        return Verdict(needed=True, reason="this node is in no cluster yet")

    def apply(self, ctx: Context) -> None:
        outside = ctx.outside()
        found = look(ctx, outside)
        _fitting_version(kubernetes_version(ctx), found.kubernetes)
        _free_name(ctx, outside)
        ctx.host.write(FACTS, found.text(), 0o600)
        ctx.say(f"the cluster at {found.server} has Kubernetes {found.kubernetes}")

    def undo(self, ctx: Context) -> None:
        """The journal removes the file."""


def look(ctx: Context, outside: Outside) -> ClusterFacts:
    """What the cluster says of itself. Raises PlainClusterError, ConfigError and the API's errors."""
    cluster = _cluster_configuration(outside.get(KUBEADM_CONFIG))
    networking = cluster.get("networking") or {}
    edge: dict[str, str] = dict((outside.get(EDGE_INFO) or {}).get("data") or {})
    version = outside.get("/version") or {}
    services = str(networking.get("serviceSubnet") or "10.96.0.0/12").split(",")[0]
    first = ipaddress.ip_network(services, strict=False)[1]
    if is_edge(ctx.config) and "edge-virtual-addr" not in edge:
        raise PlainClusterError(
            f"the cluster at {outside.server} has no edge components",
            hint="join it as a plain worker with `--enable-edge=false`",
        )
    return ClusterFacts(
        server=outside.server,
        ca=outside.ca.decode(),
        kubernetes=str(version.get("gitVersion") or cluster.get("kubernetesVersion") or ""),
        service_ip=edge.get("kube-api-cluster-ip") or str(first),
        domain=str(networking.get("dnsDomain") or "cluster.local"),
        virtual_address=_virtual(ctx, edge),
    )


def _virtual(ctx: Context, edge: dict[str, str]) -> str:
    """The cluster's own: all edge nodes have the same one, as what runs on them is told it only once."""
    theirs, asked = edge.get("edge-virtual-addr", ""), ctx.config.edge_virtual_addr
    if theirs and asked not in (DEFAULT_VIRTUAL, theirs):
        raise ConfigError(
            f"--edge-virtual-addr: {asked} was asked for, and the edge nodes of this cluster have {theirs}",
            hint="leave the flag out: the cluster says it",
        )
    return theirs


def _cluster_configuration(config_map: Object | None) -> dict[str, Any]:
    import yaml

    text = ((config_map or {}).get("data") or {}).get("ClusterConfiguration", "")
    found = yaml.safe_load(text)
    return found if isinstance(found, dict) else {}


def _fitting_version(ours: str, theirs: str) -> None:
    if not theirs:
        return
    behind = compat.minor(theirs)[1] - compat.minor(ours)[1]
    if not 0 <= behind <= compat.KUBELET_SKEW:
        raise UnsupportedVersionError(
            f"a node with Kubernetes {ours} cannot join a cluster with {theirs}",
            hint=f"use the package for {theirs}",
        )


def _free_name(ctx: Context, outside: Outside) -> None:
    """A live node of this name is somebody else, unless an earlier run of ours made it."""
    node = outside.get(f"/api/v1/nodes/{node_name(ctx)}")
    if node is None or resuming(ctx):
        return
    conditions = (node.get("status") or {}).get("conditions") or []
    if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
        raise NameTakenError(
            f"the cluster has a node `{node_name(ctx)}`, and it is alive",
            hint="choose another `--node-name`, or `kubectl delete node` the one that is there first",
        )
