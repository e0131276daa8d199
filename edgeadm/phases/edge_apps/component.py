"""A component of an edge cluster: objects of one template that are applied, awaited, pruned and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.apps.facts import NAMESPACE, has_cluster
from edgeadm.apps.objects import COMPONENT_LABEL, delete, find, key, present, title
from edgeadm.apps.values import with_theirs
from edgeadm.cluster import Awaited, Object
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.applies import to_edge_clusters
from edgeadm.node.files import renderer

# An object with this annotation holds what the component itself writes: made once, then left alone.
LIVE = "edgeadm.io/live"
Named = tuple[str, str, str]  # API, kind, name


@dataclass(frozen=True)
class Component(Phase):
    """The base of components that consist only of objects. A subclass sets the fields, and `values` for its
    template: a missing value is an error of the template."""

    name: str = ""
    summary: str = ""
    template: str = ""
    # Conditions for a running component.
    awaited: tuple[Awaited, ...] = ()
    # What the component makes while it runs: API, kind and name, gone with it.
    leavings: tuple[Named, ...] = ()
    when = staticmethod(to_edge_clusters)

    def values(self, ctx: Context) -> dict[str, Any]:  # noqa: ARG002
        """What the template wants: nothing, unless a subclass says more."""
        return {}

    def objects(self, ctx: Context) -> list[dict[str, Any]]:
        """The objects as they are to be, labelled as this component's."""
        found = renderer(ctx).objects(self.template, with_theirs(ctx, self.name, self.values(ctx)))
        for obj in found:
            obj["metadata"]["labels"][COMPONENT_LABEL] = self.name
        return found

    def check(self, ctx: Context) -> Verdict:
        if not has_cluster(ctx):
            return Verdict(needed=True, reason="there is no cluster yet")
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off in the middle of it")
        objects = self.objects(ctx)
        kept: list[str] = []
        differing = ctx.connect().differing(_due(ctx, objects), kept.append)
        surplus = [title(obj) for obj in self.surplus(ctx, objects)]
        if differing or surplus:
            words = [
                ("to apply", differing),
                ("to remove", surplus),
                ("kept as set by another field manager", kept),
            ]
            reason = "; ".join(f"{word}: {', '.join(names)}" for word, names in words if names)
            return Verdict(needed=True, reason=reason)
        if kept:
            return Verdict(
                needed=False,
                reason=f"applied, except fields owned by other field managers: {', '.join(kept)}",
            )
        return Verdict(needed=False, reason="everything is applied")

    def apply(self, ctx: Context) -> None:
        cluster, objects = ctx.connect(), self.objects(ctx)

        def keep(field: str) -> None:
            ctx.warn(f"kept, owned by another field manager: {field}")

        changed = cluster.apply(_due(ctx, objects), keep)
        ctx.say(f"applied {len(objects)} objects, {changed} of them changed")
        for obj in self.surplus(ctx, objects):
            delete(ctx, obj)
        for awaited in self.awaited:
            ctx.say(f"waiting until {awaited.what}")
            cluster.wait(awaited)

    def surplus(self, ctx: Context, objects: list[dict[str, Any]]) -> list[Object]:
        """Objects of this component in the cluster that are not among these."""
        kept = {key(obj) for obj in objects}
        return [obj for obj in self.present(ctx) if key(obj) not in kept]

    def present(self, ctx: Context) -> list[Object]:
        """Every object of this component that is in the cluster."""
        return present(ctx, self.name)

    def detached(self, ctx: Context) -> list[str]:
        """The objects that `detach` would delete, as `Kind/namespace/name`."""
        return [title(obj) for obj in self.present(ctx)]

    def detach(self, ctx: Context) -> None:
        """Delete the component from the cluster, with the objects that it created."""
        for obj in self.present(ctx):
            delete(ctx, obj)
        for api, kind, name in self.leavings:
            ctx.connect().delete(api, kind, name, NAMESPACE)


def _due(ctx: Context, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those to apply: not the ones that the component fills itself, where they are there."""
    cluster = ctx.connect()
    return [obj for obj in objects if not (_is_live(obj) and find(cluster, obj) is not None)]


def _is_live(obj: Mapping[str, Any]) -> bool:
    return LIVE in (obj["metadata"].get("annotations") or {})
