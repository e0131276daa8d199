"""The base of components that are the cluster's own DaemonSet once more, for edge nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from edgeadm.apps.facts import has_cluster
from edgeadm.cluster import Object
from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.edge_apps.component import Component


@dataclass(frozen=True)
class Mirrored(Component):
    """The DaemonSet of the cluster with its image and settings, but connected to the node's lite-apiserver.
    A cluster without the DaemonSet gets none for edge nodes, and a copy without original is deleted."""

    # Namespace and name of the DaemonSet, and its container.
    original: ClassVar[tuple[str, str]]
    container: ClassVar[str]
    # The program as messages name it, and what edge nodes do without a copy.
    program: ClassVar[str]
    without: ClassVar[str]

    def check(self, ctx: Context) -> Verdict:
        if has_cluster(ctx) and self.found(ctx) is None and not self.present(ctx):
            reason = f"there is no DaemonSet {'/'.join(self.original)}: {self.without}"
            return Verdict(needed=False, reason=reason)
        return super().check(ctx)

    def lacks(self, ctx: Context) -> str:
        return "" if has_cluster(ctx) else "there is no cluster"

    def apply(self, ctx: Context) -> None:
        if self.found(ctx) is not None:
            super().apply(ctx)
        elif self.present(ctx):
            ctx.say(f"the cluster no longer has {self.program}")
            self.detach(ctx)

    def objects(self, ctx: Context) -> list[dict[str, Any]]:
        return super().objects(ctx) if self.found(ctx) is not None else []

    def found(self, ctx: Context) -> Object | None:
        """The cluster's own DaemonSet; None if it has none."""
        namespace, name = self.original
        return ctx.connect().get("apps/v1", "DaemonSet", name, namespace) if has_cluster(ctx) else None

    def pod_spec(self, ctx: Context) -> dict[str, Any]:
        """The specification of the original's Pods. The original must exist."""
        spec: dict[str, Any] = (self.found(ctx) or {})["spec"]["template"]["spec"]
        return spec

    def image(self, ctx: Context) -> str:
        """The image of the original. The original must exist."""
        containers = self.pod_spec(ctx)["containers"]
        return str(
            next((each for each in containers if each["name"] == self.container), containers[0])["image"]
        )
