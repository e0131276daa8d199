"""Redirection of the Service `kubernetes` to lite-apiserver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.files import difference, renderer, write_files
from edgeadm.node.membership import cluster_facts, known_facts
from edgeadm.node.service_ip import FAMILIES, RULES, TABLE, family, own_nft, place
from edgeadm.node.units import SERVICE_IP, SERVICE_IP_FILE, start_at_boot


@dataclass(frozen=True)
class ServiceIp(Phase):
    """Redirects the ClusterIP of the Service `kubernetes` to this node's own lite-apiserver: for kube-proxy,
    which can then start without the cloud, and for Pods that use the API. One nftables table with priority
    over kube-proxy's rules, created at each boot before the kubelet starts."""

    name: str = "service-ip"
    summary: str = "redirect the ClusterIP of the Service `kubernetes` to lite-apiserver"
    leaves: ClassVar[Leaves] = Leaves(
        units=(Unit(SERVICE_IP, SERVICE_IP_FILE),), tables=tuple(f"{family} {TABLE}" for family in FAMILIES)
    )

    def check(self, ctx: Context) -> Verdict:
        if cluster_facts(ctx) is None:
            return Verdict(needed=True, reason="nothing is installed yet")
        if differs := difference(ctx, _files(ctx)):
            return Verdict(needed=True, reason=differs)
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before the rules were there")
        for question in ("is-enabled", "is-active"):
            if ctx.host.ask("systemctl", question, "--quiet", SERVICE_IP).code != 0:
                return Verdict(needed=True, reason=f"the unit {SERVICE_IP} is not running")
        if ctx.host.ask(own_nft(ctx), "list", "table", family(ctx), TABLE).code != 0:
            return Verdict(needed=True, reason=f"the nftables table {TABLE} was deleted")
        return Verdict(
            needed=False, reason="lite-apiserver responds at the ClusterIP of the Service `kubernetes`"
        )

    def apply(self, ctx: Context) -> None:
        write_files(ctx, _files(ctx))
        start_at_boot(ctx, SERVICE_IP)
        ctx.host.run("systemctl", "restart", SERVICE_IP)


def _files(ctx: Context) -> dict[str, bytes]:
    known = known_facts(ctx)
    values = {
        "family": family(ctx),
        "table": TABLE,
        "service_ip": known.service_ip,
        "place": place(ctx),
        "nft": own_nft(ctx),
        "rules": RULES,
    }
    render = renderer(ctx)
    return {
        RULES: render.text("edge/service-ip.nft", values).encode(),
        SERVICE_IP_FILE: render.text("systemd/edgeadm-service-ip.service", values).encode(),
    }
