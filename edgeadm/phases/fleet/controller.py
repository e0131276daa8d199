"""The definitions of fleets in the API, and their controller."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from edgeadm.apps import fleet
from edgeadm.apps.facts import NAMESPACE, has_cluster
from edgeadm.apps.workloads import workload
from edgeadm.cluster import Awaited
from edgeadm.cluster.conditions import is_established, is_rolled_out
from edgeadm.core.phase import Context
from edgeadm.kubeadm.tokens import DEFAULT_GROUP
from edgeadm.phases.edge_apps.component import Component
from edgeadm.phases.fleet.packages import FleetPackageError


@dataclass(frozen=True)
class FleetDefinitions(Component):
    """The definition of NodeTasks. `detach` deletes it, with all NodeTasks."""

    name: str = "fleet-definitions"
    summary: str = "define NodeTasks, and wait until the API serves them"
    template: str = "addons/fleet-nodetask.yaml"
    awaited: tuple[Awaited, ...] = (
        Awaited(
            "the API serves NodeTasks",
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            fleet.DEFINITION,
            is_established,
        ),
    )

    def values(self, ctx: Context) -> dict[str, Any]:  # noqa: ARG002
        return {"machines": fleet.MACHINES, "address": fleet.ADDRESS}


@dataclass(frozen=True)
class ClusterDefinitions(Component):
    """The definitions of TKE's Clusters and Machines. `detach` deletes them, with all such objects; the
    clusters remain."""

    name: str = "cluster-definitions"
    summary: str = "define Clusters and Machines of TKE, and wait until the API serves them"
    template: str = "addons/fleet-cluster.yaml"
    awaited: tuple[Awaited, ...] = tuple(
        Awaited(
            f"the API serves {kind}",
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            f"{kind.lower()}.{fleet.CLUSTER_GROUP}",
            is_established,
        )
        for kind in ("Clusters", "Machines")
    )

    def values(self, ctx: Context) -> dict[str, Any]:  # noqa: ARG002
        return {"address": fleet.ADDRESS}


@dataclass(frozen=True)
class FleetController(Component):
    """The controller of NodeTasks, its permissions, and the policies that limit them."""

    name: str = "fleet-controller"
    summary: str = "start the controller of NodeTasks"
    template: str = "addons/fleet-controller.yaml"
    awaited: tuple[Awaited, ...] = (
        workload("the fleet controller runs", "Deployment", fleet.CONTROLLER, is_rolled_out),
    )

    def values(self, ctx: Context) -> dict[str, Any]:
        return {
            "namespace": NAMESPACE,
            "image": image(ctx),
            "controller": fleet.account(fleet.CONTROLLER),
            "job": fleet.account(fleet.JOB_ACCOUNT),
            "prefix": fleet.PREFIX,
            "description": _base64(fleet.DESCRIPTION),
            "description_text": fleet.DESCRIPTION,
            "group": _base64(DEFAULT_GROUP),
            "group_text": DEFAULT_GROUP,
            "label": fleet.NODE_LABEL,
            "node_label": fleet.STORE_LABEL,
            "packages": fleet.PACKAGES,
            "port": fleet.PORT,
        }


def _base64(text: str) -> str:
    """Text as an admission policy sees it in a Secret."""
    return base64.b64encode(text.encode()).decode()


def image(ctx: Context) -> str:
    """The image of the controller: that of the package, else the running one. Raises FleetPackageError."""
    packed = ctx.package.image_named(fleet.IMAGE) if ctx.package else ""
    if packed:
        return packed
    found = (
        ctx.connect().get("apps/v1", "Deployment", fleet.CONTROLLER, NAMESPACE) if has_cluster(ctx) else None
    )
    for each in found["spec"]["template"]["spec"]["containers"] if found else ():
        return str(each["image"])
    raise FleetPackageError(
        "no package with the image of the fleet controller was given",
        hint="pass a package of this edgeadm with `--install-pkg-path`",
    )
