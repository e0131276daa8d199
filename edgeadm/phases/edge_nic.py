from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.phases.common import renderer, start_at_boot
from edgeadm.phases.kernel_state import State
from edgeadm.phases.lite_files import LINK
from edgeadm.phases.membership import ClusterFacts, cluster_facts, known_facts

UNIT = "/etc/systemd/system/edgeadm-nic.service"
SERVICE = "edgeadm-nic"
# The kernel looks into this routing table last, after the table with the default route.
ROUTES = "default"
PRIORITY = 32799  # of our rule that has the kernel do so for IPv6, after those of the kernel


@dataclass(frozen=True)
class EdgeNic(Phase):
    """The link of the virtual address, created at each boot before other units need it. A route of last
    resort to it covers all Services, so that programs on the node reach Services even if its network
    interface has no address and no route: nftables redirects the packets, but without any route a connection
    fails before."""

    name: str = "nic"
    summary: str = "add the virtual address of edge nodes and a route to Services"
    leaves: ClassVar[Leaves] = Leaves(units=(Unit(SERVICE, UNIT),), links=(LINK,))

    def check(self, ctx: Context) -> Verdict:
        if cluster_facts(ctx) is None or ctx.host.read(UNIT) != _unit(ctx):
            return Verdict(needed=True, reason=f"{UNIT} is missing or differs")
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before the address was there")
        for question in ("is-enabled", "is-active"):
            if ctx.host.ask("systemctl", question, "--quiet", SERVICE).code != 0:
                return Verdict(needed=True, reason=f"the unit {SERVICE} is not running")
        return Verdict(needed=False, reason="the virtual address is configured")

    def apply(self, ctx: Context) -> None:
        ctx.host.write(UNIT, _unit(ctx))
        start_at_boot(ctx, SERVICE)
        ctx.host.run("systemctl", "restart", SERVICE)


def service_ranges(known: ClusterFacts) -> tuple[str, ...]:
    """The networks of Services; of a node that an older edgeadm made, the address of `kubernetes` alone."""
    return known.service_ranges or (str(ipaddress.ip_network(known.service_ip)),)


def shown_routes(network: str) -> list[str]:
    """The command that prints the routes of last resort of the network's family."""
    family = ["-6"] if ":" in network else []
    return ["ip", *family, "route", "show", "table", ROUTES]


def shown_route(network: str) -> str:
    """How that command prints the route to the network."""
    found = ipaddress.ip_network(network)
    alone = found.prefixlen == found.max_prefixlen
    return f"{found.network_address if alone else found} dev {LINK} "


def states(known: ClusterFacts) -> Iterator[State]:
    """What the unit makes in the kernel."""
    restore = ("systemctl", "reload", SERVICE)
    address = f" {known.virtual_address}/"
    yield State("the virtual address", ("ip", "-o", "addr", "show", "dev", LINK), address, restore)
    for each in service_ranges(known):
        yield State(f"the route to Services {each}", tuple(shown_routes(each)), shown_route(each), restore)


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
