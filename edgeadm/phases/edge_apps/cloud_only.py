"""Exclusion of edge nodes from the kube-proxy, flannel and CoreDNS of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgeadm.apps.affinity import Term, is_kept_off, kept_off, let_back, set_terms, terms_of
from edgeadm.apps.facts import NAMESPACE, has_cluster
from edgeadm.cluster import Object
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.applies import to_edge_clusters
from edgeadm.phases import cni
from edgeadm.phases.edge_apps import kube_proxy, pod_network
from edgeadm.phases.edge_apps.kube_proxy import SYSTEM
from edgeadm.render import OWNER_LABEL

# On what edgeadm applied itself, and this phase has changed.
MARK = "edgeadm.io/kept-off-edge-nodes"
OF_THE_CLOUD = (
    ("DaemonSet", SYSTEM, kube_proxy.CLOUD),
    ("DaemonSet", cni.SPACE, cni.FLANNEL),
    ("Deployment", SYSTEM, "coredns"),
)
# Edge replacements of DaemonSets that every node runs.
INSTEAD = {
    kube_proxy.CLOUD: (kube_proxy.NAME, NAMESPACE),
    cni.FLANNEL: (pod_network.NAME, cni.SPACE),
}


@dataclass(frozen=True)
class CloudOnly(Phase):
    """Excludes edge nodes from the cluster's kube-proxy, flannel and CoreDNS, which could not start there
    without the cloud, by an expression in their node affinity. The user's own expressions are kept."""

    name: str = "cloud-only"
    summary: str = "exclude edge nodes from kube-proxy, flannel and CoreDNS"
    when = staticmethod(to_edge_clusters)

    def check(self, ctx: Context) -> Verdict:
        if not has_cluster(ctx):
            return Verdict(needed=True, reason="there is no cluster yet")
        found = [_title(obj) for obj in _scheduled_everywhere(ctx)]
        if not found:
            return Verdict(needed=False, reason="kube-proxy, flannel and CoreDNS do not run on edge nodes")
        return Verdict(needed=True, reason=f"to exclude from edge nodes: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        for obj in _scheduled_everywhere(ctx):
            wanted = _with_terms(obj, kept_off(terms_of(obj)))
            if _is_whole(obj):
                wanted["metadata"]["annotations"] = {MARK: "true"}
                ctx.connect().patch(wanted)
            else:
                # Terms belong to one manager alone: ours say what the others' did, and one thing more.
                ctx.connect().apply([wanted], force=True)
            ctx.say(f"excluding edge nodes from {_title(obj)}")

    def detached(self, ctx: Context) -> list[str]:
        return [f"the affinity of {_title(obj)}" for obj in _ours(ctx)]

    def detach(self, ctx: Context) -> None:
        """Keep the user's terms without the expression; if there are none, remove the affinity."""
        for obj in _ours(ctx):
            theirs = let_back(terms_of(obj))
            wanted = _with_terms(obj, theirs) if theirs else _bare(obj)
            if _is_whole(obj):
                wanted["metadata"]["annotations"] = {MARK: None}
                if not theirs:
                    wanted["spec"] = {"template": {"spec": {"affinity": None}}}
                ctx.connect().patch(wanted)
            else:
                ctx.connect().apply([wanted], force=True)


def _present(ctx: Context) -> Iterator[Object]:
    for kind, namespace, name in OF_THE_CLOUD if has_cluster(ctx) else ():
        found = ctx.connect().get("apps/v1", kind, name, namespace)
        if found is not None:
            yield {"apiVersion": "apps/v1", "kind": kind, **found}


def _scheduled_everywhere(ctx: Context) -> list[Object]:
    """Those that edge nodes may get. What every node has to run is among them only where edge nodes have
    another one."""
    found = [obj for obj in _present(ctx) if _can_be_kept_off(ctx, obj)]
    return [obj for obj in found if kept_off(terms_of(obj)) != terms_of(obj)]


def _is_whole(obj: Object) -> bool:
    """Whether edgeadm applied all of it: to apply a part would take the rest away. Made for an edge cluster,
    it has the condition from the start, and keeps it."""
    return (obj["metadata"].get("labels") or {}).get(OWNER_LABEL) == "edgeadm"


def _can_be_kept_off(ctx: Context, obj: Object) -> bool:
    another = INSTEAD.get(obj["metadata"]["name"])
    return another is None or ctx.connect().get("apps/v1", "DaemonSet", *another) is not None


def _ours(ctx: Context) -> list[Object]:
    """Those whose condition is of this phase: it left its mark, or applying nothing would take it away."""
    return [
        obj
        for obj in _present(ctx)
        if any(is_kept_off(each) for each in terms_of(obj))
        and (_is_marked(obj) if _is_whole(obj) else ctx.connect().differing([_bare(obj)]))
    ]


def _is_marked(obj: Object) -> bool:
    return MARK in (obj["metadata"].get("annotations") or {})


def _bare(obj: Object) -> dict[str, Any]:
    meta = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
    }


def _with_terms(obj: Object, terms: list[Term]) -> dict[str, Any]:
    found = _bare(obj)
    set_terms(found, terms)
    return found


def _title(obj: Object) -> str:
    return f"{obj['kind']}/{obj['metadata']['namespace']}/{obj['metadata']['name']}"
