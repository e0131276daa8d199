"""The node of a drill: the addresses to block, and the services to check."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from edgeadm.cluster.errors import AddressUnknownError
from edgeadm.cluster.kubeconfig import server_of
from edgeadm.config.address import HostPort
from edgeadm.core.phase import Context
from edgeadm.errors import NotAnEdgeNodeError, OtherNodeError
from edgeadm.hosts import Host
from edgeadm.phases.lite_apiserver import UNIT
from edgeadm.phases.lite_files import AUTHORITY, LOCAL, names
from edgeadm.phases.membership import ClusterFacts, cluster_facts
from edgeadm.phases.node_name import node_name

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
    known, local = cluster_facts(ctx), server_of(ctx.host.read(LOCAL))
    if known is None or not local or ctx.host.stat(UNIT) is None:
        raise NotAnEdgeNodeError(
            "not an edge node: lite-apiserver is not installed",
            hint="run it on a node that joined with `edgeadm join` as an edge node",
        )
    name = node_name(ctx)
    if wanted not in ("", name):
        raise OtherNodeError(
            f"this is node `{name}`, not `{wanted}`: a drill blocks the host on which it runs",
            hint=f"run the same command on `{wanted}`, as root",
        )
    return EdgeNode(
        name,
        places(ctx.host, known),
        str(ipaddress.ip_address(known.service_ip)),  # as DNS returns it
        local,
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
