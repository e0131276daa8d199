"""The node of a drill: the addresses to block, and the services to check."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from edgeadm import yaml_text
from edgeadm.cluster.errors import AddressUnknownError
from edgeadm.config.ticket import PORT
from edgeadm.core.phase import Context
from edgeadm.errors import NotAnEdgeNodeError, OtherNodeError
from edgeadm.hosts import Host
from edgeadm.phases.lite_apiserver import UNIT
from edgeadm.phases.lite_files import AUTHORITY, LOCAL, names
from edgeadm.phases.membership import ClusterFacts, cluster_facts
from edgeadm.phases.reset.node_object import node_name

RESOLVER_PATIENCE = 15.0


@dataclass(frozen=True)
class Place:
    """An address of the API server, with nft's name of its family."""

    address: str
    port: int

    @property
    def family(self) -> str:
        return "ip6" if ":" in self.address else "ip"

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class EdgeNode:
    """`places` are blocked; the other services are checked. `dns` is empty if Pods use the cluster's DNS."""

    name: str
    places: tuple[Place, ...]
    service_ip: str
    lite: str
    authority: bytes
    dns: str
    service_name: str


def this_node(ctx: Context, wanted: str = "") -> EdgeNode:
    """This host as an edge node. Raises NotAnEdgeNodeError, OtherNodeError for another node name, and
    AddressUnknownError."""
    known, local = cluster_facts(ctx), _server(ctx.host.read(LOCAL))
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


def places(host: Host, known: ClusterFacts) -> tuple[Place, ...]:
    """All addresses of the API server as resolved by this host. Raises AddressUnknownError."""
    where = urlsplit(known.server)
    name, port = where.hostname or "", where.port or PORT
    found = [name] if _is_address(name) else [known.address, *_resolved(host, name)]
    addresses = [each for each in dict.fromkeys(found) if _is_address(each)]
    if not addresses:
        raise AddressUnknownError(
            f"this host cannot resolve `{name}`, the name of the API server",
            hint="start a drill while the node is online, and check its resolver",
        )
    return tuple(Place(each, port) for each in addresses)


def _resolved(host: Host, name: str) -> list[str]:
    answer = host.ask("getent", "ahosts", name, timeout=RESOLVER_PATIENCE)
    return [line.split()[0] for line in answer.out.splitlines() if line.strip()]


def _is_address(text: str) -> bool:
    """Whether nft supports the address: without a zone."""
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _server(kubeconfig: bytes | None) -> str:
    """The URL of lite-apiserver; empty if the file is missing or incomplete."""
    import yaml

    try:
        return str(yaml_text.load(kubeconfig or b"")["clusters"][0]["cluster"]["server"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        return ""
