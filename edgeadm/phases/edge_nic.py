"""The virtual address of an edge node, and its routes to Services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context
from edgeadm.node.files import Files, renderer, with_mode
from edgeadm.node.lite_files import LINK
from edgeadm.node.membership import known_facts
from edgeadm.node.service_routes import PRIORITY, ROUTES, service_ranges
from edgeadm.node.units import NIC, NIC_FILE
from edgeadm.phases.unit import EdgeUnit


@dataclass(frozen=True)
class EdgeNic(EdgeUnit):
    """The link of the virtual address, created at each boot before other units need it. A route of last
    resort to it covers all Services, so that programs on the node reach Services even if its network
    interface has no address and no route: nftables redirects the packets, but without any route a connection
    fails before."""

    name: str = "nic"
    summary: str = "add the virtual address of edge nodes and a route to Services"
    leaves: ClassVar[Leaves] = Leaves(units=(Unit(NIC, NIC_FILE),), links=(LINK,))
    at_boot: ClassVar[tuple[str, ...]] = (NIC,)
    done: ClassVar[str] = "the virtual address is configured"
    cut_off: ClassVar[str] = "before the address was there"

    def files(self, ctx: Context) -> Files:
        known = known_facts(ctx)
        values = {
            "link": LINK,
            "address": known.virtual_address,
            "ranges": service_ranges(known),
            "table": ROUTES,
            "priority": PRIORITY,
        }
        return with_mode({NIC_FILE: renderer(ctx).text("systemd/edgeadm-nic.service", values).encode()})
