"""The pod network of a new cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from edgeadm.apps.affinity import kept_off, set_terms, terms_of
from edgeadm.cluster import Awaited, Object
from edgeadm.cluster.conditions import is_available, is_ready
from edgeadm.config.ranges import parsed, pod_subnet
from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.cni_files import CONFLIST, CONFLIST_VALUES
from edgeadm.node.endpoint import api_endpoint
from edgeadm.node.files import Files, difference, renderer, with_mode
from edgeadm.node.kubeadm_documents import document
from edgeadm.node.name import node_name
from edgeadm.node.patches import leaves_out
from edgeadm.node.state import ADMIN_CONF
from edgeadm.render import parse_objects

# flannel's DaemonSet and namespace, as its own manifests have named them since v0.20, and ours.
FLANNEL = "kube-flannel-ds"
SPACE = "kube-flannel"
HEALTH_PORT = 51013
FLANNEL_IMAGE = "ghcr.io/flannel-io/flannel:v0.28.10"

# What flannel and the CNI plugins leave on a node.
OF_FLANNEL = Leaves(
    links=("cni0", "flannel.1", "flannel-v6.1"),
    tables=("ip flannel-ipv4", "ip6 flannel-ipv6"),
    places=("/var/lib/cni", "/var/lib/flannel", "/run/cni", "/run/flannel", "/run/xtables.lock"),
    shared=("/etc/cni/net.d", "/etc/cni"),
)


@dataclass(frozen=True)
class PodNetwork(Phase):
    """The pod network: flannel from our template, a manifest of the user's, or none."""

    name: str = "cni"
    summary: str = "install the pod network and wait until the node is Ready"
    leaves: ClassVar[Leaves] = OF_FLANNEL

    def check(self, ctx: Context) -> Verdict:
        if ctx.config.cni == "none":
            return Verdict(needed=False, reason="`--cni none`: the pod network is left to the user")
        if ctx.host.stat(ADMIN_CONF) is None:
            return Verdict(needed=True, reason="there is no cluster yet")
        if differs := difference(ctx, _files(ctx)):
            return Verdict(needed=True, reason=differs)
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before the pod network was up")
        differing = ctx.connect().differing(_objects(ctx))
        if differing:
            return Verdict(needed=True, reason=f"to apply: {', '.join(differing)}")
        return Verdict(needed=False, reason=f"the pod network ({ctx.config.cni}) is applied")

    def apply(self, ctx: Context) -> None:
        cluster = ctx.connect()
        objects = _objects(ctx)
        cluster.apply(objects)
        ctx.say(f"applied {len(objects)} objects")
        if ctx.config.cni == "flannel":
            _wait(ctx, _flannel())
        # The node is Ready once it has the configuration. Without flannel's subnet each Pod would fail until
        # kubelet's back-off has passed.
        ctx.host.write_all(_files(ctx))
        for awaited in _awaited(ctx):
            _wait(ctx, awaited)


def _wait(ctx: Context, awaited: Awaited) -> None:
    ctx.say(f"waiting until {awaited.what}")
    ctx.connect().wait(awaited)


def _flannel() -> Awaited:
    return Awaited("flannel runs on every node", "apps/v1", "DaemonSet", FLANNEL, _rolled_out, SPACE)


def _awaited(ctx: Context) -> Iterator[Awaited]:
    """The conditions for a working pod network."""
    yield Awaited("the node is Ready", "v1", "Node", node_name(ctx), is_ready)
    if ctx.connect().get("apps/v1", "Deployment", "coredns", "kube-system") is not None:
        yield Awaited("CoreDNS is available", "apps/v1", "Deployment", "coredns", is_available, "kube-system")


def values(ctx: Context) -> dict[str, Any]:
    """What the flannel template wants."""
    networking = document(ctx, "ClusterConfiguration").get("networking", {})
    ranges = parsed(networking.get("podSubnet") or pod_subnet(ctx.config))
    endpoint = api_endpoint(ctx)
    image = ctx.package.image_named("flannel") if ctx.package else ""
    return {
        "pod_cidr_v4": next((str(each) for each in ranges if each.version == 4), ""),
        "pod_cidr_v6": next((str(each) for each in ranges if each.version == 6), ""),
        "flannel_image": image or FLANNEL_IMAGE,
        "api_host": endpoint.host,
        "api_port": endpoint.port,
        "health_port": HEALTH_PORT,
    }


def _objects(ctx: Context) -> list[dict[str, Any]]:
    """Without flannel on edge nodes, where they will have one of their own."""
    if ctx.config.cni == "flannel":
        found = renderer(ctx).objects("cni/flannel.yaml", values(ctx))
    else:
        found = parse_objects(Path(ctx.config.cni).read_text(encoding="utf-8"), f"`{ctx.config.cni}`")
    for obj in found:
        is_flannel = (obj["kind"], obj["metadata"]["name"]) == ("DaemonSet", FLANNEL)
        if is_flannel and ctx.config.enable_edge and not leaves_out(ctx, "pod-network"):
            set_terms(obj, kept_off(terms_of(obj)))
    return found


def conflist(ctx: Context) -> bytes:
    """flannel's network configuration of this node."""
    return renderer(ctx).text("cni/flannel.conflist", CONFLIST_VALUES).encode()


def _files(ctx: Context) -> Files:
    """Only flannel's: other pod networks install their own."""
    return with_mode({CONFLIST: conflist(ctx)}) if ctx.config.cni == "flannel" else {}


def _rolled_out(obj: Object) -> bool:
    status: Mapping[str, Any] = obj.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    current = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    return bool(current and wanted > 0 and status.get("numberReady", 0) >= wanted)
