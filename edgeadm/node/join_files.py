"""The input of `kubeadm join`: its configuration and the kubeconfig with the token. Both exist only while it
runs."""

from __future__ import annotations

from typing import Any

from edgeadm import pki
from edgeadm.config.ticket import is_edge, joins_control_plane, ticket_of
from edgeadm.core.phase import Context
from edgeadm.hosts import Secret
from edgeadm.kubeadm import compat
from edgeadm.kubeadm.join_document import render_join
from edgeadm.kubeadm.model import JoinModel
from edgeadm.node.kubeadm_documents import SOCKET, cgroup_driver, ignored_checks, node_ip
from edgeadm.node.lite_files import address_of
from edgeadm.node.membership import has_credentials, known_facts
from edgeadm.node.name import node_name
from edgeadm.node.patches import API_SERVER, FOLDER, beside_theirs
from edgeadm.node.state import kubernetes_version, own_address, tolerates_cgroup_v1

CONFIG = "/etc/edgeadm/join.yaml"
KUBECONFIG = "/etc/edgeadm/bootstrap.conf"
TOKEN_FILES = (CONFIG, KUBECONFIG)
KUBELET_START = "kubelet-start"
KUBELET_PATCH = "kubeletconfiguration0+merge.yaml"
# The kubelet's defaults, except for the disk: there it would evict Pods, which an offline node cannot get
# again, at the same threshold at which it begins to delete unused images.
EVICTION = {
    "memory.available": "100Mi",
    "nodefs.available": "5%",
    "nodefs.inodesFree": "5%",
    "imagefs.available": "5%",
    "imagefs.inodesFree": "5%",
}
EDGE_LABELS = ("superedge.io/node-edge=enable", "superedge.io/node-cloud=enable")


def join_config(ctx: Context) -> bytes:
    """The JoinConfiguration, 0600: it holds the token."""
    import yaml

    flags = ctx.config.join
    model = JoinModel(
        kubeconfig=KUBECONFIG,
        cri_socket=SOCKET,
        token=Secret(ticket_of(ctx.config).bootstrap_token),
        flags=ctx.config.kubeadm,
        documents=ctx.config.kubeadm_documents,
        control_plane=joins_control_plane(ctx.config),
        ignore_preflight_errors=ignored_checks(ctx),
        skip_phases=(*kubeadm_skips(ctx), *_done(ctx)),
        kubelet_args=(*node_ip(ctx), *_dns_argument(ctx)),
        advertise_address=own_address(ctx),
        bind_port=known_facts(ctx).bind_port,
        labels=_labels(ctx),
        taints=flags.register_with_taints,
        patches=_patches(ctx),
    )
    return yaml.safe_dump(render_join(model, kubernetes_version(ctx)), sort_keys=False).encode()


def bootstrap_kubeconfig(ctx: Context) -> bytes:
    """Where the API is, on an edge node by way of lite-apiserver, and the token as its user, 0600."""
    import yaml

    facts = known_facts(ctx)
    edge = is_edge(ctx.config)
    server = address_of(facts, ctx.config.join.lite_apiserver_port) if edge else facts.server
    ticket = ticket_of(ctx.config)
    cluster = {"server": server, "certificate-authority-data": pki.encoded(facts.ca.encode())}
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": cluster}],
        "contexts": [{"name": "join", "context": {"cluster": "kubernetes", "user": "join"}}],
        "users": [{"name": "join", "user": {"token": str(ticket.bootstrap_token)}}],
        "current-context": "join",
    }
    return yaml.safe_dump(found, sort_keys=False).encode()


def patches(ctx: Context) -> dict[str, bytes]:
    """Settings of this node's kubelet alone, laid over the cluster's by kubeadm, and the user's patches."""
    import yaml

    settings: dict[str, Any] = {}
    if is_edge(ctx.config) and compat.watches_lists(kubernetes_version(ctx)):
        settings["featureGates"] = {"WatchListClient": False}  # lite-apiserver cannot cache such watches
    if _asks_edge_dns(ctx) and compat.kubelet_config_can_be_patched(kubernetes_version(ctx)):
        # A second resolver would be queried, and waited for, whenever a name does not exist.
        settings["clusterDNS"] = [known_facts(ctx).virtual_address]
    if is_edge(ctx.config) and compat.kubelet_config_can_be_patched(kubernetes_version(ctx)):
        settings["evictionHard"] = EVICTION
    if cgroup_driver(ctx) != "systemd":
        settings["cgroupDriver"] = cgroup_driver(ctx)
    if tolerates_cgroup_v1(ctx):
        settings["failCgroupV1"] = False  # this machine's matter: the cluster's configuration may not have it
    ours = {KUBELET_PATCH: yaml.safe_dump(settings, sort_keys=False).encode()} if settings else {}
    return beside_theirs(ctx, ours, "JoinConfiguration")


def kubeadm_skips(ctx: Context) -> tuple[str, ...]:
    """Those of `--skip-phases` that are phases of kubeadm; `kubeadm/` may stand before them."""
    names = (name.removeprefix("kubeadm/") for name in ctx.config.skip_phases)
    return tuple(name for name in names if name in compat.join_phases(kubernetes_version(ctx)))


def _done(ctx: Context) -> tuple[str, ...]:
    """Results of an interrupted run that kubeadm rejects: a kubelet with credentials."""
    return (KUBELET_START,) if joins_control_plane(ctx.config) and has_credentials(ctx) else ()


def _asks_edge_dns(ctx: Context) -> bool:
    """Whether Pods of this node use the DNS server of the node: on an edge node, if the cluster has edge
    DNS."""
    return is_edge(ctx.config) and known_facts(ctx).edge_dns


def _dns_argument(ctx: Context) -> tuple[tuple[str, str], ...]:
    """Whether Pods use the node's DNS, for a kubelet whose configuration kubeadm cannot patch yet."""
    if not _asks_edge_dns(ctx) or compat.kubelet_config_can_be_patched(kubernetes_version(ctx)):
        return ()
    return (("cluster-dns", known_facts(ctx).virtual_address),)


def _patches(ctx: Context) -> str:
    ours = patches(ctx) or ctx.host.stat(f"{FOLDER}/{API_SERVER}")
    return FOLDER if ours else ctx.config.kubeadm.patches or ""


def _labels(ctx: Context) -> tuple[str, ...]:
    edge, cloud = EDGE_LABELS
    own = ctx.config.join.node_labels
    if is_edge(ctx.config):
        return (edge, f"superedge.io.hostname={node_name(ctx)}", *own)
    return (cloud, *own) if known_facts(ctx).virtual_address else own
