"""Facts about the cluster for the components: from its API, or from the configuration before there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

from edgeadm import yaml_text
from edgeadm.cluster import Object
from edgeadm.cluster.kubeconfig import Kubeconfig, NotAKubeconfigError, announced_server, parse
from edgeadm.config.address import HostPort
from edgeadm.config.ranges import (
    Network,
    parsed,
    service_domain,
    service_domain_of,
    service_ranges,
    service_ranges_of,
)
from edgeadm.core.phase import Context
from edgeadm.node.endpoint import api_endpoint
from edgeadm.node.kubeadm_documents import document
from edgeadm.node.state import ADMIN_CONF, CONTROL_PLANE

NAMESPACE = "edge-system"
EDGE_LABEL = "superedge.io/node-edge"
CLOUD_LABEL = "superedge.io/node-cloud"
ENABLED = "enable"
CONTROL_PLANES = (CONTROL_PLANE, "node-role.kubernetes.io/master")
# The address of tunnel-cloud within the range of Services, where it is free.
TUNNEL_OFFSET = 80
# Under these names a machine finds nothing but itself.
LOOPBACK = re.compile(r"localhost|127\..*|::1|0\.0\.0\.0")


def has_cluster(ctx: Context) -> bool:
    """Whether there is an API to ask: a kubeconfig was named, or kubeadm has run here."""
    return bool(ctx.config.addon.kubeconfig) or ctx.host.stat(ADMIN_CONF) is not None


def service_range(ctx: Context) -> Network:
    """The range of Service addresses, the first of two."""
    kinds = ctx.connect().list_objects("networking.k8s.io/v1", "ServiceCIDR") if has_cluster(ctx) else []
    ranges: list[str] = next(
        (each["spec"]["cidrs"] for each in kinds if each["metadata"]["name"] == "kubernetes"), []
    )
    return parsed(ranges[0])[0] if ranges else _range(ctx, cluster_configuration(ctx))


def _range(ctx: Context, cluster: Mapping[str, Any]) -> Network:
    """That of the cluster; before there is one, of the configuration that it will be made with."""
    return (service_ranges_of(cluster) if cluster else service_ranges(ctx.config))[0]


def api_service_ip(ctx: Context) -> str:
    """The address of the Service `kubernetes`."""
    found = ctx.connect().get("v1", "Service", "kubernetes", "default") if has_cluster(ctx) else None
    return str((found or {}).get("spec", {}).get("clusterIP") or service_range(ctx)[1])


def domain(ctx: Context) -> str:
    """The domain of Services."""
    cluster = cluster_configuration(ctx)
    return service_domain_of(cluster) if cluster else service_domain(ctx.config)


def cluster_configuration(ctx: Context) -> Mapping[str, Any]:
    """kubeadm's ClusterConfiguration as the cluster keeps it, else as it lies here; empty without either."""

    if has_cluster(ctx):
        found = ctx.connect().get("v1", "ConfigMap", "kubeadm-config", "kube-system") or {}
        text = (found.get("data") or {}).get("ClusterConfiguration")
        if text:
            kept: Mapping[str, Any] = yaml_text.load(text) or {}
            return kept
    return document(ctx, "ClusterConfiguration")


def public_address(ctx: Context) -> str:
    """The address under which edge nodes reach the control plane: as asked for, else as the cluster announces
    it to nodes that join, else as this machine knows it."""

    if ctx.config.addon.master_public_addr:
        return HostPort.parse(ctx.config.addon.master_public_addr).host
    if has_cluster(ctx):
        server = announced_server(ctx.connect())
        if server:
            return HostPort.of_url(server).host
        named = kubeconfig(ctx).address.host
        if named and not LOOPBACK.fullmatch(named):
            return named
    return api_endpoint(ctx).host


def kubeconfig_path(ctx: Context) -> str:
    """The path of the kubeconfig in use."""
    return ctx.config.addon.kubeconfig or ADMIN_CONF


def kubeconfig(ctx: Context) -> Kubeconfig:
    """The cluster of the kubeconfig in use; without a server if there is none."""
    try:
        return parse(ctx.host.read(kubeconfig_path(ctx)))
    except NotAKubeconfigError:
        return Kubeconfig("")


def tunnel_address(ctx: Context) -> str:
    """The fixed address of tunnel-cloud: the one it has, else the 80th of the range or the next that is
    free."""
    services = ctx.connect().list_objects("v1", "Service") if has_cluster(ctx) else []
    taken = set()
    for each in services:
        meta, address = each["metadata"], each.get("spec", {}).get("clusterIP")
        if (meta.get("namespace"), meta["name"]) == (NAMESPACE, "tunnel-cloud") and address:
            return str(address)
        taken.add(address)
    return _free(service_range(ctx), taken)


def planned_tunnel_address(ctx: Context) -> str:
    """The one that it will have in a cluster that is being made, whose API may not answer yet."""
    return _free(_range(ctx, document(ctx, "ClusterConfiguration")), set())


def _free(found: Network, taken: set[Any]) -> str:
    last = min(found.num_addresses, 1 << 16) - 1
    offsets = chain(range(min(TUNNEL_OFFSET, last // 2), last), range(2, last))
    return next(str(found[each]) for each in offsets if str(found[each]) not in taken)


def nodes(ctx: Context) -> list[Object]:
    """Every node."""
    return ctx.connect().list_objects("v1", "Node") if has_cluster(ctx) else []


def labels_of(node: Object) -> Mapping[str, str]:
    """A node's labels."""
    found: Mapping[str, str] = node["metadata"].get("labels") or {}
    return found


def is_edge_node(node: Object) -> bool:
    """Whether the node lives at the edge."""
    return labels_of(node).get(EDGE_LABEL) == ENABLED


def is_control_plane_node(node: Object) -> bool:
    """Whether the node is a control plane."""
    return any(role in labels_of(node) for role in CONTROL_PLANES)


def runs_on_control_planes(ctx: Context) -> bool:
    """Whether control planes run Pods: those that are not nodes of their cluster do not, and the cloud's
    workers run the components."""
    found = nodes(ctx)
    return not found or any(is_control_plane_node(each) for each in found)


def image(ctx: Context, name: str) -> str:
    """The reference of a SuperEdge image."""
    return f"{ctx.config.edge_image_repository}/{name}:{ctx.config.edge_version}"
