"""flannel for edge nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm.apps.facts import has_cluster
from edgeadm.apps.workloads import is_noticed
from edgeadm.cluster import Awaited, Object
from edgeadm.core.phase import Context, Verdict
from edgeadm.node.offline_files import SUBNET
from edgeadm.phases.cni import FLANNEL, HEALTH_PORT, SPACE
from edgeadm.phases.edge_apps.component import Component

NAME = "edge-flannel"
CONFIG_MAP = "kube-flannel-cfg"
CONTAINER = "kube-flannel"


@dataclass(frozen=True)
class EdgePodNetwork(Component):
    """flannel for edge nodes: the cluster's own with its settings, but connected to the node's
    lite-apiserver. Its file for the network plugins survives a boot, so that Pods get their network after a
    power cut without the cloud."""

    name: str = "pod-network"
    summary: str = "install flannel for edge nodes, which starts without the cloud"
    template: str = "addons/edge-flannel.yaml"
    awaited: tuple[Awaited, ...] = (
        Awaited(
            f"the controller has observed DaemonSet {NAME}", "apps/v1", "DaemonSet", NAME, is_noticed, SPACE
        ),
    )

    def check(self, ctx: Context) -> Verdict:
        if has_cluster(ctx) and cloud_flannel(ctx) is None and not self.present(ctx):
            return Verdict(
                needed=False,
                reason=f"there is no DaemonSet {SPACE}/{FLANNEL}: edge nodes use the cluster's own network",
            )
        return super().check(ctx)

    def lacks(self, ctx: Context) -> str:
        return "" if has_cluster(ctx) else "there is no cluster"

    def apply(self, ctx: Context) -> None:
        if cloud_flannel(ctx) is not None:
            super().apply(ctx)
        elif self.present(ctx):
            ctx.say("the cluster no longer has flannel")
            self.detach(ctx)

    def objects(self, ctx: Context) -> list[dict[str, Any]]:
        return super().objects(ctx) if cloud_flannel(ctx) is not None else []

    def values(self, ctx: Context) -> dict[str, Any]:
        spec = (cloud_flannel(ctx) or {})["spec"]["template"]["spec"]
        maps = [each["configMap"]["name"] for each in spec.get("volumes") or [] if "configMap" in each]
        return {
            "namespace": SPACE,
            "flannel_image": flannel_image(ctx),
            "config_map": next(iter(maps), CONFIG_MAP),
            "subnet": SUBNET,
            "folder": SUBNET.rpartition("/")[0],
            "health_port": HEALTH_PORT,
        }


def flannel_image(ctx: Context) -> str:
    """The image of the cluster's own flannel, which has to be there."""
    containers = (cloud_flannel(ctx) or {})["spec"]["template"]["spec"]["containers"]
    return str(next((each for each in containers if each["name"] == CONTAINER), containers[0])["image"])


def cloud_flannel(ctx: Context) -> Object | None:
    """The cluster's own flannel; None where it has another pod network."""
    return ctx.connect().get("apps/v1", "DaemonSet", FLANNEL, SPACE) if has_cluster(ctx) else None
