from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.cluster import Object
from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.common import ADMIN_CONF, renderer
from edgeadm.phases.kubeadm_config import document
from edgeadm.phases.lite_files import addresses, names

SERVICES = "10.96.0.0/12"  # kubeadm's default
IMAGE = "edgeadm.io/approver:"


@dataclass(frozen=True)
class EdgeApprover:
    """What an edge node needs of the cluster before it can join: what they all agree on, readable with a
    token, and the approver of their certificates."""

    name: str = "edge-approver"
    summary: str = "let edge nodes in: what they have to know, and who approves their certificates"

    def check(self, ctx: Context) -> Verdict:
        if not ctx.config.enable_edge:
            return Verdict(needed=False, reason="`--enable-edge=false`: this is not to be an edge cluster")
        if ctx.host.stat(ADMIN_CONF) is None:
            return Verdict(needed=True, reason="there is no cluster yet")
        if ctx.journal.unfinished("init", self.name):
            return Verdict(needed=True, reason="an earlier run was cut off in the middle of it")
        differing = ctx.connect().differing(_objects(ctx))
        if differing:
            return Verdict(needed=True, reason=f"to apply: {', '.join(differing)}")
        return Verdict(needed=False, reason="edge nodes can join")

    def apply(self, ctx: Context) -> None:
        if not ctx.config.enable_edge:
            return
        cluster, objects = ctx.connect(), _objects(ctx)
        ctx.say(f"applying {len(objects)} objects")
        cluster.apply(objects)
        if _image(ctx):
            cluster.wait(
                "the approver runs",
                "apps/v1",
                "Deployment",
                "approver",
                _is_available,
                namespace="edge-system",
            )
        else:
            ctx.warn(
                "no package, no approver: what edge nodes ask for waits for `kubectl certificate approve`"
            )

    def undo(self, ctx: Context) -> None:
        """The objects go with the cluster."""


def _objects(ctx: Context) -> list[dict[str, Any]]:
    cluster = document(ctx, "ClusterConfiguration").get("networking") or {}
    services = str(cluster.get("serviceSubnet") or ctx.config.kubeadm.service_cidr or SERVICES).split(",")[0]
    domain = str(cluster.get("dnsDomain") or ctx.config.kubeadm.service_dns_domain or "cluster.local")
    service_ip = str(ipaddress.ip_network(services, strict=False)[1])
    virtual = ctx.config.edge_virtual_addr
    render = renderer(ctx)
    objects = render.objects("addons/edge-info.yaml", {"virtual_address": virtual, "service_ip": service_ip})
    if image := _image(ctx):
        values = {
            "approver_image": image,
            "addresses": addresses(virtual, service_ip),
            "names": names(domain),
        }
        objects += render.objects("addons/approver.yaml", values)
    return objects


def _image(ctx: Context) -> str:
    """The approver's image, which only a package has."""
    found = [image.name for image, _ in ctx.package.images()] if ctx.package else []
    return next((name for name in found if name.startswith(IMAGE)), "")


def _is_available(obj: Object) -> bool:
    status: Mapping[str, Any] = obj.get("status") or {}
    current = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    return bool(current and status.get("availableReplicas", 0) > 0)
