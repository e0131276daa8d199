"""The controller of DeploymentGrids, StatefulSetGrids and ServiceGrids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgeadm.apps.facts import NAMESPACE, has_cluster, image
from edgeadm.apps.forced import unless_forced
from edgeadm.apps.service_group import NATIVE, cluster_version, own_image
from edgeadm.apps.workloads import workload
from edgeadm.cluster import Awaited, Object
from edgeadm.cluster.conditions import is_established, is_rolled_out
from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError
from edgeadm.kubeadm import compat
from edgeadm.phases.edge_apps.component import Component

API = "superedge.io/v1"
GRIDS = ("DeploymentGrid", "ServiceGrid", "StatefulSetGrid")
DEFINITIONS = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
# What the controller makes of grids, each with its grid as owner.
MADE = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("v1", "Service"))


class GridsInUseError(EdgeadmError):
    """Grids are in the cluster, and their definitions were to be removed: their Pods and Services would go,
    too."""

    code = "grids-in-use"
    exit_code = 2


def _definition_of(kind: str) -> str:
    return f"{kind.lower()}s.superedge.io"


@dataclass(frozen=True)
class ApplicationGrid(Component):
    """The controller that runs an application once in each site (DeploymentGrid, StatefulSetGrid) and makes a
    Service that stays within the site of who asks (ServiceGrid). It makes these kinds itself, from files in
    its image."""

    name: str = "application-grid"
    summary: str = (
        "start the controller of DeploymentGrids and ServiceGrids, and wait until the API serves both kinds"
    )
    template: str = "addons/application-grid.yaml"
    awaited: tuple[Awaited, ...] = (
        workload("the grid controller runs", "Deployment", "application-grid-controller", is_rolled_out),
        *(
            Awaited(f"the API serves {kind}s", *DEFINITIONS, _definition_of(kind), is_established)
            for kind in GRIDS
        ),
    )

    def values(self, ctx: Context) -> dict[str, Any]:
        native = ctx.config.service_group == NATIVE
        distribution = compat.traffic_distribution(cluster_version(ctx)) if native else ""
        return {
            "namespace": NAMESPACE,
            "grid_image": image(ctx, "application-grid-controller"),
            "zones_image": own_image(ctx, "Deployment", "service-zones") if distribution else "",
            "distribution": distribution,
        }

    def apply(self, ctx: Context) -> None:
        super().apply(ctx)
        if ctx.config.service_group == NATIVE and not self.values(ctx)["zones_image"]:
            ctx.warn(
                f"Services of ServiceGrids do not prefer their own site automatically: {_why_not(ctx)}; set "
                "`spec.trafficDistribution` yourself, or use `--service-group strict`"
            )

    def detached(self, ctx: Context) -> list[str]:
        found = [*super().detached(ctx), *grids(ctx)]
        return [*found, *(f"{DEFINITIONS[1]}/{name}" for name in _definitions(ctx))]

    def detach(self, ctx: Context) -> None:
        """With their definitions, all grids go. What was made of them is removed by name: the cluster's
        garbage collector asks for owners, and gets no answer where their kind is gone."""
        refuse_grids(ctx)
        made = list(_made(ctx))
        for kind, obj in list(_grids(ctx)):
            _delete(ctx, API, kind, obj)
        super().detach(ctx)
        for api, kind, obj in made:
            _delete(ctx, api, kind, obj)
        for name in _definitions(ctx):
            ctx.connect().delete(*DEFINITIONS, name)


def grids(ctx: Context) -> list[str]:
    """Every grid, as `Kind/namespace/name`."""
    metas = [(kind, obj["metadata"]) for kind, obj in _grids(ctx)]
    return [f"{kind}/{meta['namespace']}/{meta['name']}" for kind, meta in metas]


def refuse_grids(ctx: Context) -> None:
    """Raises GridsInUseError while there are grids; with `--force` it warns, and they go."""
    found = grids(ctx)
    if not found:
        return
    refusal = GridsInUseError(
        f"the cluster contains grids: {', '.join(found)}",
        hint=(
            "delete them with `kubectl delete` first; `--force` deletes them together with their Pods and "
            "Services"
        ),
    )
    unless_forced(ctx, refusal, f"these grids are deleted, with their Pods and Services: {', '.join(found)}")


def _grids(ctx: Context) -> Iterator[tuple[str, Object]]:
    for kind in GRIDS if has_cluster(ctx) else ():
        for obj in ctx.connect().list_objects(API, kind):
            yield kind, obj


def _delete(ctx: Context, api: str, kind: str, obj: Object) -> None:
    meta = obj["metadata"]
    ctx.connect().delete(api, kind, meta["name"], meta["namespace"])


def _made(ctx: Context) -> Iterator[tuple[str, str, Object]]:
    for api, kind in MADE if has_cluster(ctx) else ():
        for obj in ctx.connect().list_objects(api, kind):
            owners = obj["metadata"].get("ownerReferences") or []
            if any(each["apiVersion"] == API and each["kind"] in GRIDS for each in owners):
                yield api, kind, obj


def _definitions(ctx: Context) -> list[str]:
    wanted = [_definition_of(kind) for kind in GRIDS]
    return [name for name in wanted if has_cluster(ctx) and ctx.connect().get(*DEFINITIONS, name) is not None]


def _why_not(ctx: Context) -> str:
    version = cluster_version(ctx)
    if not compat.traffic_distribution(version):
        return f"Kubernetes {version} has no such preference"
    return "no package was given that contains the controller which sets it"
