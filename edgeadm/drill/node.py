"""The node of a drill: the addresses to block, and the services to check."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from edgeadm.cluster.errors import AddressUnknownError
from edgeadm.config.address import HostPort
from edgeadm.core.phase import Context
from edgeadm.hosts import Host
from edgeadm.node.edge import lite_server, this_edge_node
from edgeadm.node.lite_files import AUTHORITY, LOCAL, names
from edgeadm.node.membership import ClusterFacts
from edgeadm.node.units import LITE_APISERVER_FILE

RESOLVER_PATIENCE = 15.0


@dataclass(frozen=True)
class EdgeNode:
    """`places` are blocked; the other services are checked. `dns` is empty if Pods use the cluster's DNS."""

    name: str
    places: tuple[HostPort, ...]
    service_ip: str
    lite: str
    authority: bytes
    dns: str
    service_name: str


def this_node(ctx: Context, wanted: str = "") -> EdgeNode:
    """This host as an edge node. Raises NotAnEdgeNodeError, OtherNodeError for another node name, and
    AddressUnknownError."""
    found = this_edge_node(ctx.host, wanted, needs=(LOCAL, LITE_APISERVER_FILE))
    known = found.facts
    return EdgeNode(
        found.name,
        places(ctx.host, known),
        str(ipaddress.ip_address(known.service_ip)),  # as DNS returns it
        lite_server(ctx.host, known),
        ctx.host.read(AUTHORITY) or known.ca.encode(),
        known.virtual_address if known.edge_dns else "",
        names(known.domain)[-1],
    )


def places(host: Host, known: ClusterFacts) -> tuple[HostPort, ...]:
    """All addresses of the API server as resolved by this host. Raises AddressUnknownError."""
    where = HostPort.of_url(known.server)
    name = where.host
    found = [name] if _is_address(name) else [known.address, *_resolved(host, name)]
    addresses = [each for each in dict.fromkeys(found) if _is_address(each)]
    if not addresses:
        raise AddressUnknownError(
            f"this host cannot resolve `{name}`, the name of the API server",
            hint="start a drill while the node is online, and check its resolver",
        )
    return tuple(HostPort(each, where.port) for each in addresses)


def _resolved(host: Host, name: str) -> list[str]:
    answer = host.ask("getent", "ahosts", name, timeout=RESOLVER_PATIENCE)
    return [line.split()[0] for line in answer.out.splitlines() if line.strip()]


def _is_address(text: str) -> bool:
    """Whether nft supports the address: without a zone."""
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False
