"""How Services of ServiceGrids stay within a site: what both ways of doing it have to know."""

from __future__ import annotations

from edgeadm.apps.facts import NAMESPACE, cluster_configuration, has_cluster, nodes
from edgeadm.config.service_group import KINDS, NATIVE, STRICT
from edgeadm.core.phase import Context
from edgeadm.kubeadm import compat
from edgeadm.node.state import kubernetes_version

__all__ = ["KINDS", "NATIVE", "STRICT", "cluster_version", "own_image"]
IMAGE = "edgeadm.io/service-group"


def cluster_version(ctx: Context) -> str:
    """The Kubernetes version of the control plane, as kubeadm keeps it; else that of the newest kubelet,
    which is never ahead of it; else that of this machine."""
    kept = cluster_configuration(ctx).get("kubernetesVersion")
    infos = [(node.get("status") or {}).get("nodeInfo") or {} for node in nodes(ctx)]
    kubelets = [str(each["kubeletVersion"]) for each in infos if each.get("kubeletVersion")]
    return str(kept or compat.newest(kubelets) or kubernetes_version(ctx))


def own_image(ctx: Context, kind: str, name: str) -> str:
    """The image of our half of it, which only a package has: the package's, else the one that runs."""
    packed = ctx.package.image_named(IMAGE) if ctx.package else ""
    found = ctx.connect().get("apps/v1", kind, name, NAMESPACE) if has_cluster(ctx) else None
    containers = found["spec"]["template"]["spec"]["containers"] if found else []
    running = [str(each.get("image", "")) for each in containers]
    return packed or next((each for each in running if each.startswith(f"{IMAGE}:")), "")
