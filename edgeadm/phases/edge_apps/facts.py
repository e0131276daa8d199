"""Facts about the cluster for the components: from its API, or from the configuration before there is one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from edgeadm import yaml_text
from edgeadm.cluster import Object
from edgeadm.core.phase import Context
from edgeadm.phases.common import ADMIN_CONF, CONTROL_PLANE
from edgeadm.phases.endpoint import api_endpoint
from edgeadm.phases.kubeadm_config import document

NAMESPACE = "edge-system"
SERVICES = "10.96.0.0/12"  # kubeadm's default
DOMAIN = "cluster.local"  # kubeadm's and the kubelet's default
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


def service_range(ctx: Context) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The range of Service addresses, the first of two."""
    kinds = ctx.connect().list_objects("networking.k8s.io/v1", "ServiceCIDR") if has_cluster(ctx) else []
    ranges: list[str] = next(
        (each["spec"]["cidrs"] for each in kinds if each["metadata"]["name"] == "kubernetes"), []
    )
    return _range(ctx, {"networking": {"serviceSubnet": ranges[0]}} if ranges else cluster_configuration(ctx))


def _range(ctx: Context, cluster: Mapping[str, Any]) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    text = (cluster.get("networking") or {}).get("serviceSubnet")
    return ipaddress.ip_network(
        str(text or ctx.config.kubeadm.service_cidr or SERVICES).split(",")[0], strict=False
    )


def api_service_ip(ctx: Context) -> str:
    """The address of the Service `kubernetes`."""
    found = ctx.connect().get("v1", "Service", "kubernetes", "default") if has_cluster(ctx) else None
    return str((found or {}).get("spec", {}).get("clusterIP") or service_range(ctx)[1])


def domain(ctx: Context) -> str:
    """The domain of Services."""
    networking = cluster_configuration(ctx).get("networking") or {}
    return str(networking.get("dnsDomain") or ctx.config.kubeadm.service_dns_domain or DOMAIN)


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
        return split_host(ctx.config.addon.master_public_addr)
    if has_cluster(ctx):
        info = ctx.connect().get("v1", "ConfigMap", "cluster-info", "kube-public") or {}
        announced = yaml_text.load((info.get("data") or {}).get("kubeconfig") or "{}")
        server = announced.get("clusters", [{}])[0].get("cluster", {}).get("server")
        if server:
            return urlsplit(server).hostname or ""
        named = urlsplit(str(kubeconfig(ctx).get("server", ""))).hostname or ""
        if named and not LOOPBACK.fullmatch(named):
            return named
    return api_endpoint(ctx)[0]


def kubeconfig(ctx: Context) -> dict[str, Any]:
    """The `cluster` part of the kubeconfig in use, or an empty mapping."""

    config = yaml_text.load(ctx.host.read(ctx.config.addon.kubeconfig or ADMIN_CONF) or b"") or {}
    contexts = {each["name"]: each["context"] for each in config.get("contexts") or []}
    wanted = (contexts.get(config.get("current-context")) or {}).get("cluster")
    every = {each["name"]: each["cluster"] for each in config.get("clusters") or []}
    found: dict[str, Any] = every.get(wanted) or {}
    return found


def split_host(text: str) -> str:
    """The host of HOST or HOST:PORT, an IPv6 address without its brackets."""
    if text.count(":") > 1 and not text.startswith("["):
        return text
    return urlsplit(f"//{text}").hostname or text


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


def _free(found: ipaddress.IPv4Network | ipaddress.IPv6Network, taken: set[Any]) -> str:
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
