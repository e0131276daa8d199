"""Edge nodes that monitor each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm import pki
from edgeadm.apps.facts import NAMESPACE, has_cluster, image, is_edge_node, nodes, runs_on_control_planes
from edgeadm.apps.serving_certificates import bundle
from edgeadm.apps.workloads import is_noticed, runs_somewhere, workload
from edgeadm.cluster import Awaited, Object
from edgeadm.config.model import ALL_VOTERS
from edgeadm.core.phase import Context
from edgeadm.hosts import Secret
from edgeadm.phases.edge_apps.component import Component

ANNOTATION = "nodeunhealth"  # on a node that was voted out
KEY = ("hmac-config", "hmackey")
ENOUGH = 3  # if one of two voters fails, the other one is no majority


@dataclass(frozen=True)
class EdgeHealth(Component):
    """Edge nodes that monitor each other. The Pods of a node that does not report to the cloud, but that its
    neighbours reach, stay; if a majority votes a node out, Kubernetes evicts its Pods as usual."""

    name: str = "edge-health"
    summary: str = "let edge nodes vote on each other's health"
    template: str = "addons/edge-health.yaml"
    awaited: tuple[Awaited, ...] = (
        workload("the controller has observed DaemonSet edge-health", "DaemonSet", "edge-health", is_noticed),
        workload("the webhook for taints runs", "DaemonSet", "edge-health-admission", runs_somewhere),
    )

    def values(self, ctx: Context) -> dict[str, Any]:
        return {
            "namespace": NAMESPACE,
            "edge_health_image": image(ctx, "edge-health"),
            "admission_image": image(ctx, "edge-health-admission"),
            "cloud_votes": ctx.config.edge_health_voters == ALL_VOTERS,
            "hmac_key": _key(ctx),
            "ca": bundle(ctx),
            "control_planes": runs_on_control_planes(ctx),
        }

    def apply(self, ctx: Context) -> None:
        super().apply(ctx)
        _say_who_votes(ctx)

    def detached(self, ctx: Context) -> list[str]:
        votes = [f"the vote on Node/{node['metadata']['name']}" for node in _voted_out(ctx)]
        return [*super().detached(ctx), *votes]

    def detach(self, ctx: Context) -> None:
        super().detach(ctx)
        for node in _voted_out(ctx):
            meta = {"name": node["metadata"]["name"], "annotations": {ANNOTATION: None}}
            ctx.connect().patch({"apiVersion": "v1", "kind": "Node", "metadata": meta})


def _key(ctx: Context) -> Secret:
    """The existing key of the cluster, because voters need a common one."""
    name, key = KEY
    found = ctx.connect().get("v1", "ConfigMap", name, NAMESPACE) if has_cluster(ctx) else None
    kept = ((found or {}).get("data") or {}).get(key)
    return Secret(kept) if kept else pki.new_secret()


def _say_who_votes(ctx: Context) -> None:
    edges = sum(is_edge_node(node) for node in nodes(ctx))
    cloud = ctx.config.edge_health_voters == ALL_VOTERS
    who = f"{edges} edge nodes{' and the cloud' if cloud else ''} vote"
    if edges and edges + cloud < ENOUGH:
        ctx.warn(f"{who}: with fewer than {ENOUGH} voters, Pods of a failed node are not evicted")
    else:
        ctx.say(who)


def _voted_out(ctx: Context) -> list[Object]:
    return [node for node in nodes(ctx) if ANNOTATION in (node["metadata"].get("annotations") or {})]
