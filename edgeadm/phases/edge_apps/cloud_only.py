from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.cluster import Object
from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.edge_apps.facts import EDGE_LABEL, NAMESPACE, has_cluster
from edgeadm.phases.edge_apps.kube_proxy import CLOUD, NAME, SYSTEM

KEPT_OFF = {"key": EDGE_LABEL, "operator": "DoesNotExist"}
PATH = ("spec", "template", "spec", "affinity", "nodeAffinity")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
Term = Mapping[str, Any]


@dataclass(frozen=True)
class CloudOnly:
    """Keeps the cloud's kube-proxy and CoreDNS off edge nodes, where they could not start without the cloud,
    by one more condition in their node affinity. Conditions of the user's stay."""

    name: str = "cloud-only"
    summary: str = "keep the cloud's kube-proxy and CoreDNS off edge nodes"

    def check(self, ctx: Context) -> Verdict:
        if not ctx.config.enable_edge:
            return Verdict(needed=False, reason="`--enable-edge=false`: this is not to be an edge cluster")
        if not has_cluster(ctx):
            return Verdict(needed=True, reason="there is no cluster yet")
        found = [_title(obj) for obj in _scheduled_everywhere(ctx)]
        if not found:
            return Verdict(needed=False, reason="what belongs to the cloud stays there")
        return Verdict(needed=True, reason=f"to keep off edge nodes: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        if not ctx.config.enable_edge or not has_cluster(ctx):
            return
        for obj in _scheduled_everywhere(ctx):
            # Terms belong to one manager alone: ours say what the others' did, and one thing more.
            ctx.connect().apply([_with_terms(obj, kept_off(_terms(obj)))], force=True)
            ctx.say(f"keeping {_title(obj)} off edge nodes")

    def undo(self, ctx: Context) -> None:
        """`edgeadm detach` takes it back; of a cluster that is taken back nothing is left."""

    def detached(self, ctx: Context) -> list[str]:
        return [f"the affinity of {_title(obj)}" for obj in _ours(ctx)]

    def detach(self, ctx: Context) -> None:
        """Terms of the user's stay, without the condition; where there are none, all of it goes."""
        for obj in _ours(ctx):
            theirs = let_back(_terms(obj))
            ctx.connect().apply([_with_terms(obj, theirs) if theirs else _bare(obj)], force=True)


def kept_off(terms: list[Term]) -> list[Term]:
    """The terms, of which a node has to fit one, each with the condition. One that fits no node stays so."""
    if not terms:
        return [{"matchExpressions": [KEPT_OFF]}]
    return [each if not each or _has(each) else _joined(each) for each in terms]


def let_back(terms: list[Term]) -> list[Term]:
    """The terms without the condition; one that held nothing else goes."""
    found: list[Term] = []
    for each in terms:
        left = [part for part in each.get("matchExpressions") or [] if part != KEPT_OFF]
        rest = {key: value for key, value in each.items() if key != "matchExpressions"}
        if left or rest or not each:
            found.append(rest | ({"matchExpressions": left} if left else {}))
    return found


def _joined(term: Term) -> Term:
    return {**term, "matchExpressions": [*(term.get("matchExpressions") or []), KEPT_OFF]}


def _has(term: Term) -> bool:
    return KEPT_OFF in (term.get("matchExpressions") or [])


def _present(ctx: Context) -> Iterator[Object]:
    for kind, name in (("DaemonSet", CLOUD), ("Deployment", "coredns")) if has_cluster(ctx) else ():
        found = ctx.connect().get("apps/v1", kind, name, SYSTEM)
        if found is not None:
            yield {"apiVersion": "apps/v1", "kind": kind, **found}


def _scheduled_everywhere(ctx: Context) -> list[Object]:
    """Those that edge nodes may get. kube-proxy is among them only where edge nodes have another one."""
    another = has_cluster(ctx) and ctx.connect().get("apps/v1", "DaemonSet", NAME, NAMESPACE) is not None
    found = [obj for obj in _present(ctx) if another or obj["metadata"]["name"] != CLOUD]
    return [obj for obj in found if kept_off(_terms(obj)) != _terms(obj)]


def _ours(ctx: Context) -> list[Object]:
    """Those whose condition is edgeadm's: applying nothing would take it away."""
    cluster = ctx.connect() if has_cluster(ctx) else None
    return [
        obj
        for obj in _present(ctx)
        if any(_has(each) for each in _terms(obj)) and cluster and cluster.differing([_bare(obj)])
    ]


def _terms(obj: Object) -> list[Term]:
    found: Any = obj
    for key in (*PATH, REQUIRED, "nodeSelectorTerms"):
        found = (found or {}).get(key)
    return list(found or [])


def _bare(obj: Object) -> dict[str, Any]:
    meta = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
    }


def _with_terms(obj: Object, terms: list[Term]) -> dict[str, Any]:
    found = inner = _bare(obj)
    for key in PATH:
        inner[key] = {}
        inner = inner[key]
    inner[REQUIRED] = {"nodeSelectorTerms": terms}
    return found


def _title(obj: Object) -> str:
    return f"{obj['kind']}/{SYSTEM}/{obj['metadata']['name']}"
