"""Discovery of the cluster to join, and of its settings for nodes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any

from edgeadm import yaml_text
from edgeadm.cluster import OWNER, Object, Outside
from edgeadm.cluster.conditions import is_ready
from edgeadm.config.kubeadm_defaults import API_PORT, PKI
from edgeadm.config.model import Config
from edgeadm.config.ranges import service_domain_of, service_ranges_of
from edgeadm.config.ticket import is_edge, joins_control_plane, role_of
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import ApiError, ConfigError, UnreachableError, UnsupportedVersionError
from edgeadm.kubeadm import compat
from edgeadm.node.membership import FACTS, ClusterFacts, cluster_facts, is_member
from edgeadm.node.name import node_name
from edgeadm.node.state import kubernetes_version, resuming
from edgeadm.node.wanted_images import wanted_here
from edgeadm.phases.hosts_entry import refuse_other_entry
from edgeadm.phases.images import refuse_other_tags
from edgeadm.phases.preflight import report
from edgeadm.preflight.supply import CONTENT_CHECKS
from edgeadm.render import OWNER_LABEL

KUBEADM_CONFIG = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
KUBEADM_CERTS = "/api/v1/namespaces/kube-system/secrets/kubeadm-certs"
SHARED_SETTINGS = "/api/v1/namespaces/kube-system/configmaps/edgeadm-config"
EDGE_INFO = "/api/v1/namespaces/edge-system/configmaps/edge-info"
EDGE_DNS = "/api/v1/namespaces/edge-system/configmaps/edge-dns"
DEFAULT_VIRTUAL = Config().edge_virtual_addr


class NameTakenError(ApiError):
    """A Ready node with this name is in the cluster."""

    code = "name-taken"


class PlainClusterError(ApiError):
    """The cluster has no edge components, so an edge node cannot join it."""

    code = "not-an-edge-cluster"


class NoStableEndpointError(ApiError):
    """The cluster has no shared address for several control planes, and cannot get one."""

    code = "no-stable-endpoint"


class CertificatesGoneError(ApiError):
    """The certificates of the control plane are not in the cluster: they expire after two hours."""

    code = "certificates-gone"


@dataclass(frozen=True)
class Discover(Phase):
    """Discovers and verifies the cluster, reads its settings for nodes, then verifies and unpacks the
    package. All errors of a wrong address, token or hash are raised before the package is read, and those of
    a damaged package before any change."""

    name: str = "discover"
    summary: str = "discover and verify the cluster, read its settings for nodes, and verify the package"

    def check(self, ctx: Context) -> Verdict:
        if is_member(ctx):
            if _lacks_ranges(ctx):
                return Verdict(needed=True, reason="the Service networks are not recorded on this node")
            return Verdict(needed=False, reason="this node is in its cluster")
        return Verdict(needed=True, reason="this node has not joined a cluster yet")

    def apply(self, ctx: Context) -> None:
        outside = ctx.outside()
        known = cluster_facts(ctx)
        if known is not None and is_member(ctx):
            _learn_ranges(ctx, outside, known)
            return
        found = look(ctx, outside)
        _fitting_version(kubernetes_version(ctx), found.kubernetes)
        _readable_settings(kubernetes_version(ctx), outside, found.kubernetes)
        _free_name(ctx, outside)
        if joins_control_plane(ctx.config):
            _can_grow(ctx, outside, found.certificates or PKI)
        refuse_other_tags(ctx, found.images)
        refuse_other_entry(ctx, found)
        report(ctx, CONTENT_CHECKS, role_of(ctx.config))
        ctx.host.write(FACTS, found.text(), 0o600)
        ctx.say(f"the cluster at {found.server} runs Kubernetes {found.kubernetes}")


def look(ctx: Context, outside: Outside) -> ClusterFacts:
    """The settings of the cluster. Raises PlainClusterError, ConfigError and the API's errors."""
    kept = outside.get(KUBEADM_CONFIG)
    cluster = _cluster_configuration(kept)
    ranges = _service_ranges(cluster)
    edge: dict[str, str] = dict((outside.get(EDGE_INFO) or {}).get("data") or {})
    ours: dict[str, str] = dict((outside.get(SHARED_SETTINGS) or {}).get("data") or {})
    version = outside.get("/version") or {}
    service_ip = edge.get("kube-api-cluster-ip") or str(ipaddress.ip_network(ranges[0])[1])
    if is_edge(ctx.config) and "edge-virtual-addr" not in edge:
        raise PlainClusterError(
            f"the cluster at {outside.server} has no edge components",
            hint="join it as a plain worker with `--enable-edge=false`",
        )
    return ClusterFacts(
        server=outside.server,
        ca=outside.ca.decode(),
        kubernetes=str(version.get("gitVersion") or cluster.get("kubernetesVersion") or ""),
        service_ip=service_ip,
        domain=service_domain_of(cluster),
        virtual_address=_virtual(ctx, edge),
        bind_port=int(ours.get("apiserver-bind-port") or API_PORT),
        cni=ours.get("cni", ""),
        address=outside.at,
        tunnel_address=edge.get("tunnel-cluster-ip", ""),
        certificates=str(cluster.get("certificatesDir") or ""),
        edge_dns=outside.get(EDGE_DNS) is not None,
        edge_programs=tuple(edge.get("node-programs", "").split()),
        service_ranges=_around(service_ip, ranges),
        images=tuple(dict.fromkeys(wanted_here(ctx, {} if is_made_by_edgeadm(kept) else cluster, edge))),
    )


def is_made_by_edgeadm(kubeadm_config: Object | None) -> bool:
    """Whether kubeadm never ran in the cluster: edgeadm made its ConfigMap so that nodes can join."""
    labels = ((kubeadm_config or {}).get("metadata") or {}).get("labels") or {}
    return bool(labels.get(OWNER_LABEL) == OWNER)


def _service_ranges(cluster: dict[str, Any]) -> tuple[str, ...]:
    """The networks of Services, one for each family."""
    return tuple(str(each) for each in service_ranges_of(cluster))


def _around(service_ip: str, ranges: tuple[str, ...]) -> tuple[str, ...]:
    """The ranges, if the address of the Service `kubernetes` is in one of them. Settings of a cluster that
    kubeadm did not make may not say its networks: then that address is all that is known."""
    address = ipaddress.ip_address(service_ip)
    known = any(address in ipaddress.ip_network(each) for each in ranges)
    return ranges if known else (str(ipaddress.ip_network(service_ip)),)


def _learn_ranges(ctx: Context, outside: Outside, known: ClusterFacts) -> None:
    """Add them to the record of a joined node. An offline node continues without them."""
    try:
        ranges = _service_ranges(_cluster_configuration(outside.get(KUBEADM_CONFIG)))
    except (UnreachableError, ApiError) as error:
        ctx.warn(f"the Service networks could not be read: {error.message}")
        return
    ranges = _around(known.service_ip, ranges)
    ctx.host.write(FACTS, replace(known, service_ranges=ranges).text(), 0o600)


def _lacks_ranges(ctx: Context) -> bool:
    """Whether an older edgeadm made this an edge node, and did not ask for them."""
    known = cluster_facts(ctx)
    return is_edge(ctx.config) and known is not None and not known.service_ranges


def _virtual(ctx: Context, edge: dict[str, str]) -> str:
    """The virtual address of the cluster: all edge nodes share it, because their Pods are configured with it
    once."""
    theirs, asked = edge.get("edge-virtual-addr", ""), ctx.config.edge_virtual_addr
    if theirs and asked not in (DEFAULT_VIRTUAL, theirs):
        raise ConfigError(
            f"--edge-virtual-addr: {asked} was requested, but the edge nodes of this cluster use {theirs}",
            hint="omit the flag: the address is read from the cluster",
        )
    return theirs


def _cluster_configuration(config_map: Object | None) -> dict[str, Any]:

    text = ((config_map or {}).get("data") or {}).get("ClusterConfiguration", "")
    found = yaml_text.load(text)
    return found if isinstance(found, dict) else {}


def _fitting_version(ours: str, theirs: str) -> None:
    if not theirs:
        return
    if not compat.may_join(ours, theirs):
        raise UnsupportedVersionError(
            f"a node with Kubernetes {ours} cannot join a cluster with {theirs}",
            hint=f"use the package for Kubernetes {theirs}",
        )


def _readable_settings(ours: str, outside: Outside, theirs: str) -> None:
    """kubeadm reads the cluster's configuration when it joins: one before 1.31 knows no v1beta4."""
    api = str(_cluster_configuration(outside.get(KUBEADM_CONFIG)).get("apiVersion") or "")
    if api and not compat.reads(ours, api):
        raise UnsupportedVersionError(
            f"kubeadm {ours} cannot read the configuration of this cluster, {api}",
            hint=f"use the package for Kubernetes {theirs}",
        )


def _can_grow(ctx: Context, outside: Outside, folder: str) -> None:
    """Requirements that kubeadm would check only after minutes, or not at all."""
    if not _cluster_configuration(outside.get(KUBEADM_CONFIG)).get("controlPlaneEndpoint"):
        raise NoStableEndpointError(
            f"the cluster at {outside.server} was created without `--control-plane-endpoint`",
            hint=(
                "another control plane needs an address that does not depend on the first one: create the "
                "cluster again with `edgeadm init --control-plane-endpoint VIP --upload-certs`"
            ),
        )
    brought = ctx.host.stat(f"{folder}/ca.key") is not None
    if not brought and outside.get(KUBEADM_CERTS) is None:
        raise CertificatesGoneError(
            "the certificates of the control plane are no longer in the Secret kubeadm-certs",
            hint=(
                "`edgeadm init phase upload-certs --upload-certs` on a control plane uploads them for "
                "another two hours and prints the new `--certificate-key`"
            ),
        )


def _free_name(ctx: Context, outside: Outside) -> None:
    """A Ready node with this name is another host, unless an earlier run of this host created it."""
    node = outside.get(f"/api/v1/nodes/{node_name(ctx)}")
    if node is None or resuming(ctx):
        return
    if is_ready(node):
        raise NameTakenError(
            f"a node `{node_name(ctx)}` is already in the cluster and is Ready",
            hint=(
                "choose another `--node-name`, or delete the existing node with `kubectl delete node` first"
            ),
        )
