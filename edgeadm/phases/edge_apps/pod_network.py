"""flannel for edge nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from edgeadm.apps.workloads import is_noticed
from edgeadm.cluster import Awaited
from edgeadm.core.phase import Context
from edgeadm.node.offline_files import SUBNET
from edgeadm.phases.cni import FLANNEL, HEALTH_PORT, SPACE
from edgeadm.phases.edge_apps.mirrored import Mirrored

NAME = "edge-flannel"
CONFIG_MAP = "kube-flannel-cfg"


@dataclass(frozen=True)
class EdgePodNetwork(Mirrored):
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
    original: ClassVar[tuple[str, str]] = (SPACE, FLANNEL)
    container: ClassVar[str] = "kube-flannel"
    program: ClassVar[str] = "flannel"
    without: ClassVar[str] = "edge nodes use the cluster's own network"

    def values(self, ctx: Context) -> dict[str, Any]:
        volumes = self.pod_spec(ctx).get("volumes") or []
        maps = [each["configMap"]["name"] for each in volumes if "configMap" in each]
        return {
            "namespace": SPACE,
            "flannel_image": self.image(ctx),
            "config_map": next(iter(maps), CONFIG_MAP),
            "subnet": SUBNET,
            "folder": SUBNET.rpartition("/")[0],
            "health_port": HEALTH_PORT,
        }
