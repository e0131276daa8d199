"""The virtual address of an edge node, and its routes to Services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.files import renderer
from edgeadm.node.lite_files import LINK
from edgeadm.node.membership import cluster_facts, known_facts
from edgeadm.node.service_routes import PRIORITY, ROUTES, service_ranges
from edgeadm.node.units import NIC, NIC_FILE, start_at_boot


@dataclass(frozen=True)
class EdgeNic(Phase):
    """The link of the virtual address, created at each boot before other units need it. A route of last
    resort to it covers all Services, so that programs on the node reach Services even if its network
    interface has no address and no route: nftables redirects the packets, but without any route a connection
    fails before."""

    name: str = "nic"
    summary: str = "add the virtual address of edge nodes and a route to Services"
    leaves: ClassVar[Leaves] = Leaves(units=(Unit(NIC, NIC_FILE),), links=(LINK,))

    def check(self, ctx: Context) -> Verdict:
        if cluster_facts(ctx) is None or ctx.host.read(NIC_FILE) != _unit(ctx):
            return Verdict(needed=True, reason=f"{NIC_FILE} is missing or differs")
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before the address was there")
        for question in ("is-enabled", "is-active"):
            if ctx.host.ask("systemctl", question, "--quiet", NIC).code != 0:
                return Verdict(needed=True, reason=f"the unit {NIC} is not running")
        return Verdict(needed=False, reason="the virtual address is configured")

    def apply(self, ctx: Context) -> None:
        ctx.host.write(NIC_FILE, _unit(ctx))
        start_at_boot(ctx, NIC)
        ctx.host.run("systemctl", "restart", NIC)


def _unit(ctx: Context) -> bytes:
    known = known_facts(ctx)
    values = {
        "link": LINK,
        "address": known.virtual_address,
        "ranges": service_ranges(known),
        "table": ROUTES,
        "priority": PRIORITY,
    }
    return renderer(ctx).text("systemd/edgeadm-nic.service", values).encode()
