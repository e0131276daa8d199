"""The virtual address of an edge node, and its routes of last resort to Services."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from edgeadm.node.kernel_state import State
from edgeadm.node.lite_files import LINK
from edgeadm.node.membership import ClusterFacts
from edgeadm.node.units import NIC

# The kernel looks into this routing table last, after the table with the default route.
ROUTES = "default"
PRIORITY = 32799  # of our rule that has the kernel do so for IPv6, after those of the kernel


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
    """The kernel state that the unit creates."""
    restore = ("systemctl", "reload", NIC)
    address = f" {known.virtual_address}/"
    yield State("the virtual address", ("ip", "-o", "addr", "show", "dev", LINK), address, restore)
    for each in service_ranges(known):
        yield State(f"the route to Services {each}", tuple(shown_routes(each)), shown_route(each), restore)
