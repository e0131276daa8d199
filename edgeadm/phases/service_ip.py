"""Redirection of the Service `kubernetes` to lite-apiserver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context
from edgeadm.node.files import Files, renderer, with_mode
from edgeadm.node.membership import known_facts
from edgeadm.node.service_ip import FAMILIES, RULES, TABLE, family, own_nft, place
from edgeadm.node.units import SERVICE_IP, SERVICE_IP_FILE
from edgeadm.phases.unit import EdgeUnit


@dataclass(frozen=True)
class ServiceIp(EdgeUnit):
    """Redirects the ClusterIP of the Service `kubernetes` to this node's own lite-apiserver: for kube-proxy,
    which can then start without the cloud, and for Pods that use the API. One nftables table with priority
    over kube-proxy's rules, created at each boot before the kubelet starts."""

    name: str = "service-ip"
    summary: str = "redirect the ClusterIP of the Service `kubernetes` to lite-apiserver"
    leaves: ClassVar[Leaves] = Leaves(
        units=(Unit(SERVICE_IP, SERVICE_IP_FILE),), tables=tuple(f"{family} {TABLE}" for family in FAMILIES)
    )
    at_boot: ClassVar[tuple[str, ...]] = (SERVICE_IP,)
    done: ClassVar[str] = "lite-apiserver responds at the ClusterIP of the Service `kubernetes`"
    cut_off: ClassVar[str] = "before the rules were there"

    def files(self, ctx: Context) -> Files:
        values = {
            "family": family(ctx),
            "table": TABLE,
            "service_ip": known_facts(ctx).service_ip,
            "place": place(ctx),
            "nft": own_nft(ctx),
            "rules": RULES,
        }
        render = renderer(ctx)
        return with_mode(
            {
                RULES: render.text("edge/service-ip.nft", values).encode(),
                SERVICE_IP_FILE: render.text("systemd/edgeadm-service-ip.service", values).encode(),
            }
        )

    def fault(self, ctx: Context) -> str:
        there = ctx.host.ask(own_nft(ctx), "list", "table", family(ctx), TABLE).code == 0
        return "" if there else f"the nftables table {TABLE} was deleted"
