"""NodeUnits and NodeGroups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgeadm.apps.facts import NAMESPACE, domain, has_cluster, image, labels_of, nodes
from edgeadm.apps.serving_certificates import bundle
from edgeadm.apps.workloads import workload
from edgeadm.cluster import Awaited, Object
from edgeadm.cluster.conditions import is_established, is_rolled_out
from edgeadm.core.phase import Context
from edgeadm.errors import WaitError
from edgeadm.phases.edge_apps.component import Component

API = "site.superedge.io/v1alpha2"
KINDS = {"nodeunits.site.superedge.io": "NodeUnit", "nodegroups.site.superedge.io": "NodeGroup"}
DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
OF_A_UNIT = "nodeunits.superedge.io"  # the value of the label by which a node belongs to a unit
OWN = "unit-node-"  # how the names of units begin that it makes itself
EMPTY = "kins-system"  # the namespace of the Pods that remove its labels
PATIENCE = 180.0
POLL = 0.2


@dataclass(frozen=True)
class SiteManager(Component):
    """NodeUnits and NodeGroups, which label the nodes of a site and set their zone. The controller creates
    the CRDs of both kinds. `detach` deletes them, and the labels on nodes."""

    name: str = "site-manager"
    summary: str = "install NodeUnits and NodeGroups, and wait until the API serves them"
    template: str = "addons/site-manager.yaml"
    awaited: tuple[Awaited, ...] = (
        workload("the site-manager runs", "Deployment", "site-manager", is_rolled_out),
        *(Awaited(f"the API serves {KINDS[name]}s", *DEFINITION, name, is_established) for name in KINDS),
    )

    def values(self, ctx: Context) -> dict[str, Any]:
        return {
            "namespace": NAMESPACE,
            "empty_namespace": EMPTY,
            "definitions": list(KINDS),
            "site_manager_image": image(ctx, "site-manager"),
            "conversion_url": f"https://site-manager.{NAMESPACE}.svc.{domain(ctx)}:9000/v1",
            "ca": bundle(ctx),
        }

    def detached(self, ctx: Context) -> list[str]:
        found = [f"CustomResourceDefinition/{name}" for name in _definitions(ctx)]
        marked = [f"the NodeUnit labels of Node/{name}" for name, _ in _marks(ctx)]
        empty = [f"Namespace/{EMPTY}"] if _has_namespace(ctx) else []
        return [*super().detached(ctx), *marked, *found, *empty]

    def detach(self, ctx: Context) -> None:
        """The program goes first: while it runs, it gives nodes their labels back."""
        super().detach(ctx)
        _wait_for_its_end(ctx)
        for name, changes in _marks(ctx):
            ctx.connect().patch({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} | changes)
            ctx.say(f"removed the NodeUnit labels from {name}")
        for name in _definitions(ctx):
            _remove(ctx, name)
        if _has_namespace(ctx):
            ctx.connect().delete("v1", "Namespace", EMPTY)


def of_users(ctx: Context) -> list[str]:
    """The NodeUnits and NodeGroups that the controller did not create itself."""
    return [
        f"{kind}/{each['metadata']['name']}"
        for kind in KINDS.values()
        for each in _all(ctx, kind)
        if not each["metadata"]["name"].startswith(OWN)
    ]


def _all(ctx: Context, kind: str) -> list[Object]:
    return ctx.connect().list_objects(API, kind) if has_cluster(ctx) else []


def _definitions(ctx: Context) -> list[str]:
    cluster = ctx.connect() if has_cluster(ctx) else None
    return [name for name in KINDS if cluster and cluster.get(*DEFINITION, name) is not None]


def _has_namespace(ctx: Context) -> bool:
    return has_cluster(ctx) and ctx.connect().get("v1", "Namespace", EMPTY) is not None


def _wait_for_its_end(ctx: Context) -> None:
    cluster = ctx.connect()
    try:
        ctx.wait.until(
            "the site-manager has stopped",
            lambda: not cluster.list_objects("v1", "Pod", NAMESPACE, labels="app=site-manager"),
            seconds=PATIENCE,
            every=POLL,
        )
    except WaitError:
        ctx.warn("the site-manager does not stop: check whether nodes still carry NodeUnit labels")


def _marks(ctx: Context) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each node that units gave something, its name and what takes that back. Of units that choose their
    nodes by labels, the program itself leaves the marks when such a unit goes."""
    units = {each["metadata"]["name"]: each["spec"].get("setNode") or {} for each in _all(ctx, "NodeUnit")}
    for node in nodes(ctx):
        labels = labels_of(node)
        names = [name for name, value in labels.items() if value == OF_A_UNIT]
        given = [units[name] for name in names if name in units]
        changes = _without(node, names, given)
        if changes:
            yield node["metadata"]["name"], changes


def _without(node: Object, names: list[str], given: list[dict[str, Any]]) -> dict[str, Any]:
    """The patch that removes the labels of these units from the node."""
    gone: dict[str, Any] = {"labels": dict.fromkeys(names)} if names else {}
    for part in ("labels", "annotations"):
        there = node["metadata"].get(part) or {}
        for set_node in given:
            ours = [key for key, value in (set_node.get(part) or {}).items() if there.get(key) == value]
            if ours:
                gone.setdefault(part, {}).update(dict.fromkeys(ours))
    found: dict[str, Any] = {"metadata": {"name": node["metadata"]["name"]} | gone} if gone else {}
    taints = node.get("spec", {}).get("taints") or []
    theirs = [_taint(each) for set_node in given for each in set_node.get("taints") or []]
    left = [each for each in taints if _taint(each) not in theirs]
    return found | ({"spec": {"taints": left}} if len(left) < len(taints) else {})


def _taint(taint: Object) -> tuple[str, str, str]:
    return taint["key"], taint.get("value", ""), taint["effect"]


def _remove(ctx: Context, definition: str) -> None:
    """A definition with all of its objects. They wait for a program that is gone, and are converted by it:
    both have to be undone before they can go."""
    cluster, (api, kind) = ctx.connect(), DEFINITION
    plain = {"conversion": {"strategy": "None", "webhook": None}}
    cluster.patch({"apiVersion": api, "kind": kind, "metadata": {"name": definition}, "spec": plain})
    for each in _all(ctx, KINDS[definition]):
        if each["metadata"].get("finalizers"):
            meta = {"name": each["metadata"]["name"], "finalizers": None}
            cluster.patch({"apiVersion": API, "kind": KINDS[definition], "metadata": meta})
    cluster.delete(api, kind, definition)
    ctx.say(f"removed {kind}/{definition}")
