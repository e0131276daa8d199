"""The namespace of the edge components, with the settings for joining nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgeadm.apps.facts import (
    CLOUD_LABEL,
    ENABLED,
    NAMESPACE,
    api_service_ip,
    has_cluster,
    image,
    is_edge_node,
    labels_of,
    nodes,
    tunnel_address,
)
from edgeadm.apps.service_group import STRICT, own_image
from edgeadm.apps.settings import to_remember
from edgeadm.cluster import Object
from edgeadm.core.phase import Context, Verdict
from edgeadm.node.patches import leaves_out
from edgeadm.phases.cni import SPACE
from edgeadm.phases.edge_apps import kube_proxy, pod_network
from edgeadm.phases.edge_apps.component import Component
from edgeadm.phases.edge_apps.edge_dns import dns_image
from edgeadm.phases.edge_apps.kube_proxy import KubeProxy
from edgeadm.phases.edge_apps.pod_network import EdgePodNetwork
from edgeadm.render import OWNER_LABEL

# What a namespace holds that is not worth keeping it for: every namespace gets these by itself.
OF_EVERY_NAMESPACE = ("ServiceAccount/default", "ConfigMap/kube-root-ca.crt")
CONTENTS = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
)


@dataclass(frozen=True)
class EdgeNamespace(Component):
    """The namespace of the components, the settings for joining edge nodes, and the label of cloud nodes."""

    name: str = "namespace"
    summary: str = "create the namespace and the settings of edge nodes, and label cloud nodes"
    template: str = "addons/edge-info.yaml"

    def values(self, ctx: Context) -> dict[str, Any]:
        return {
            "service_ip": api_service_ip(ctx),
            "settings": to_remember(ctx.config),
            "programs": [name for name, there in _programs(ctx) if there],
            "images": list(dict.fromkeys(name for name in _images(ctx) if name)),
            # For control planes that join: their API servers go through the tunnel from their first start.
            "tunnel_address": "" if leaves_out(ctx, "tunnel") else tunnel_address(ctx),
        }

    def check(self, ctx: Context) -> Verdict:
        verdict = super().check(ctx)
        unlabelled = [node["metadata"]["name"] for node in _cloud_nodes(ctx) if _label_is_missing(node)]
        if verdict.needed or not unlabelled:
            return verdict
        return Verdict(needed=True, reason=f"to label as cloud nodes: {', '.join(unlabelled)}")

    def apply(self, ctx: Context) -> None:
        super().apply(ctx)
        ctx.connect().apply([_labelled(node) for node in _cloud_nodes(ctx) if _label_is_missing(node)])

    def detached(self, ctx: Context) -> list[str]:
        # Applied without the label: what the field manager `edgeadm` no longer names goes. The label that a
        # kubelet brought along is the kubelet's, and stays.
        bare = [_bare(node) for node in nodes(ctx)]
        labelled = [f"the label of {title}" for title in (ctx.connect().differing(bare) if bare else ())]
        return [*super().detached(ctx), *labelled, *([f"Namespace/{NAMESPACE}"] if _may_go(ctx) else [])]

    def detach(self, ctx: Context) -> None:
        super().detach(ctx)
        ctx.connect().apply([_bare(node) for node in nodes(ctx)])
        foreign = _foreign(ctx)
        if foreign:
            ctx.warn(f"the namespace {NAMESPACE} is kept, it contains other objects: {', '.join(foreign)}")
        elif _may_go(ctx):
            ctx.connect().delete("v1", "Namespace", NAMESPACE)


def _programs(ctx: Context) -> Iterator[tuple[str, bool]]:
    """What edge nodes run that asks lite-apiserver: a node that joins waits until it is known there."""
    flannel, proxy = (pod_network.NAME, SPACE), (kube_proxy.NAME, NAMESPACE)
    yield "flannel", EdgePodNetwork().found(ctx) is not None and _stays(ctx, "pod-network", *flannel)
    yield "kube-proxy", KubeProxy().found(ctx) is not None and _stays(ctx, "kube-proxy", *proxy)


def _images(ctx: Context) -> Iterator[str]:
    """What edge nodes are asked to run by the components: a node that joins compares it with its package."""
    programs = dict(_programs(ctx))
    if programs["flannel"]:
        yield EdgePodNetwork().image(ctx)
    if programs["kube-proxy"]:
        yield KubeProxy().image(ctx)
        if ctx.config.service_group == STRICT:
            yield from (image(ctx, "application-grid-wrapper"), own_image(ctx, "DaemonSet", kube_proxy.NAME))
    of_phase = {"edge-dns": dns_image(ctx)}
    of_phase |= {phase: image(ctx, phase) for phase in ("tunnel", "edge-health")}
    yield from (name for phase, name in of_phase.items() if not leaves_out(ctx, phase))


def _stays(ctx: Context, phase: str, *daemon_set: str) -> bool:
    """Whether edge nodes have this DaemonSet after the run: one that is left out may be there already."""
    return not leaves_out(ctx, phase) or ctx.connect().get("apps/v1", "DaemonSet", *daemon_set) is not None


def _cloud_nodes(ctx: Context) -> list[Object]:
    return [node for node in nodes(ctx) if not is_edge_node(node)]


def _label_is_missing(node: Object) -> bool:
    return labels_of(node).get(CLOUD_LABEL) != ENABLED


def _bare(node: Object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node["metadata"]["name"]}}


def _labelled(node: Object) -> dict[str, Any]:
    found = _bare(node)
    found["metadata"]["labels"] = {CLOUD_LABEL: ENABLED}
    return found


def _may_go(ctx: Context) -> bool:
    found = ctx.connect().get("v1", "Namespace", NAMESPACE) if has_cluster(ctx) else None
    ours = (found or {}).get("metadata", {}).get("labels", {}).get(OWNER_LABEL) == "edgeadm"
    return ours and not _foreign(ctx)


def _foreign(ctx: Context) -> list[str]:
    """Other objects in the namespace. Terminating Pods of edgeadm do not count."""
    found = []
    for api, kind in CONTENTS if has_cluster(ctx) else ():
        for obj in ctx.connect().list_objects(api, kind, NAMESPACE):
            meta = obj["metadata"]
            title = f"{kind}/{meta['name']}"
            ours = (meta.get("labels") or {}).get(OWNER_LABEL) == "edgeadm" or meta.get("ownerReferences")
            if not ours and title not in OF_EVERY_NAMESPACE:
                found.append(title)
    return found
