"""DNS on each edge node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm.apps.facts import NAMESPACE, domain, has_cluster
from edgeadm.apps.workloads import is_noticed, workload
from edgeadm.cluster import Awaited
from edgeadm.config.address import HostPort
from edgeadm.core.phase import Context, Verdict
from edgeadm.kubeadm import compat
from edgeadm.node.lite_files import LOCAL
from edgeadm.phases.edge_apps.component import Component

NAME = "coredns"
HEALTH_PORT = 51011
READY_PORT = 51012


@dataclass(frozen=True)
class EdgeDns(Component):
    """A DNS server on each edge node, at the virtual address. It reads the cluster's names from this node's
    lite-apiserver, so that it works offline."""

    name: str = "edge-dns"
    summary: str = "install DNS on each edge node"
    template: str = "addons/edge-dns.yaml"
    awaited: tuple[Awaited, ...] = (
        workload(
            "the controller has observed DaemonSet edge-coredns", "DaemonSet", "edge-coredns", is_noticed
        ),
    )

    def check(self, ctx: Context) -> Verdict:
        if not dns_image(ctx):
            return Verdict(
                needed=False,
                reason=(
                    "neither the cluster nor the package contains CoreDNS: edge nodes use the cluster's DNS"
                ),
            )
        return super().check(ctx)

    def values(self, ctx: Context) -> dict[str, Any]:
        address = ctx.config.edge_virtual_addr
        coredns = dns_image(ctx)
        return {
            "namespace": NAMESPACE,
            "coredns_image": coredns,
            "address": address,
            "host": HostPort(address).bracketed,
            "health_port": HEALTH_PORT,
            "ready_port": READY_PORT,
            "domain": domain(ctx),
            "kubeconfig": LOCAL,
            "fails_fast": compat.coredns_fails_fast(coredns.rpartition(":")[2]),
        }


def dns_image(ctx: Context) -> str:
    """The CoreDNS image of the cluster, else of the package, or an empty string."""
    found: list[str] = []
    kinds = ("apps/v1", "Deployment", "kube-system")
    for each in ctx.connect().list_objects(*kinds, labels="k8s-app=kube-dns") if has_cluster(ctx) else ():
        found += [one["image"] for one in each["spec"]["template"]["spec"]["containers"]]
    packed = ctx.package.image_named(NAME) if ctx.package else ""
    return next((each for each in found if NAME in each.rpartition("/")[2]), packed)
