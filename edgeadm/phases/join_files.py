"""What `kubeadm join` is given: its configuration and the kubeconfig with the token. Both live only as long
as it runs."""

from __future__ import annotations

from typing import Any

from edgeadm import pki
from edgeadm.config.ticket import is_edge, joins_control_plane, ticket_of
from edgeadm.core.phase import Context
from edgeadm.hosts import Secret, facts
from edgeadm.kubeadm import compat
from edgeadm.kubeadm.join_document import render_join
from edgeadm.kubeadm.model import JoinModel
from edgeadm.phases.common import kubernetes_version, node_name
from edgeadm.phases.kubeadm_config import SOCKET, cgroup_driver, ignored_checks
from edgeadm.phases.lite_files import address_of
from edgeadm.phases.membership import known_facts

CONFIG = "/etc/edgeadm/join.yaml"
KUBECONFIG = "/etc/edgeadm/bootstrap.conf"
TOKEN_FILES = (CONFIG, KUBECONFIG)
PATCHES = "/etc/edgeadm/patches"
KUBELET_PATCH = f"{PATCHES}/kubeletconfiguration0+merge.yaml"
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
        skip_phases=kubeadm_skips(ctx),
        kubelet_args=_kubelet_args(ctx),
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
    if cgroup_driver(ctx) != "systemd":
        settings["cgroupDriver"] = cgroup_driver(ctx)
    if not settings:
        return {}
    theirs = ctx.config.kubeadm.patches
    found = {KUBELET_PATCH: yaml.safe_dump(settings, sort_keys=False).encode()}
    for name in ctx.host.names(theirs) if theirs else ():
        found[f"{PATCHES}/{name}"] = ctx.host.read(f"{theirs}/{name}") or b""
    return found


def kubeadm_skips(ctx: Context) -> tuple[str, ...]:
    """Those of `--skip-phases` that are phases of kubeadm; `kubeadm/` may stand before them."""
    names = (name.removeprefix("kubeadm/") for name in ctx.config.skip_phases)
    return tuple(name for name in names if name in compat.JOIN_PHASES)


def _patches(ctx: Context) -> str:
    return PATCHES if patches(ctx) else ctx.config.kubeadm.patches or ""


def _kubelet_args(ctx: Context) -> tuple[tuple[str, str], ...]:
    given = ctx.config.join.node_ip or ctx.config.kubeadm.apiserver_advertise_address
    address = given or facts.default_address(ctx.host)
    return (("node-ip", address),) if address else ()


def _labels(ctx: Context) -> tuple[str, ...]:
    edge, cloud = EDGE_LABELS
    own = ctx.config.join.node_labels
    if is_edge(ctx.config):
        return (edge, f"superedge.io.hostname={node_name(ctx)}", *own)
    return (cloud, *own) if known_facts(ctx).virtual_address else own
