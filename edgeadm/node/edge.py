"""This host as an edge node: one answer for every verb that runs on one."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.cluster.kubeconfig import server_of
from edgeadm.config import Config
from edgeadm.errors import NotAnEdgeNodeError, OtherNodeError
from edgeadm.hosts import Host, facts
from edgeadm.node.lite_files import LOCAL, address_of
from edgeadm.node.membership import ClusterFacts, facts_on
from edgeadm.node.name import own_name
from edgeadm.node.state import KUBELET_CONF
from edgeadm.node.units import LITE_APISERVER_FILE, NIC_FILE

# One of them is enough: on a damaged edge node, the others may be missing.
SIGNS = (NIC_FILE, LITE_APISERVER_FILE, LOCAL)


@dataclass(frozen=True)
class ThisEdgeNode:
    """The name of an edge node in its cluster, and the facts that its join recorded."""

    name: str
    facts: ClusterFacts


def this_edge_node(host: Host, asked: str = "", needs: tuple[str, ...] = ()) -> ThisEdgeNode:
    """This host as an edge node that has all of the files `needs`.

    Raises OtherNodeError if `asked` is neither its name in the cluster nor its host name, and
    NotAnEdgeNodeError.
    """
    name = own_name(host)
    if asked and asked.lower() not in (name, facts.hostname(host)):
        raise OtherNodeError(
            f"`{asked}` is another node: this one is `{name}`",
            hint=f"run the same command on `{asked}`, as root",
        )
    found = facts_on(host)
    if found is None or not found.virtual_address or not _has_joined(host, needs):
        raise NotAnEdgeNodeError(
            "not an edge node: lite-apiserver is not installed",
            hint="run it on a node that joined with `edgeadm join` as an edge node",
        )
    return ThisEdgeNode(name, found)


def lite_server(host: Host, known: ClusterFacts) -> str:
    """https://ADDRESS:PORT of lite-apiserver on this host: the port is specific to the node."""
    return server_of(host.read(LOCAL)) or address_of(known, Config().join.lite_apiserver_port)


def _has_joined(host: Host, needs: tuple[str, ...]) -> bool:
    there = host.stat_all((KUBELET_CONF, *SIGNS, *needs))
    return (
        KUBELET_CONF in there
        and any(path in there for path in SIGNS)
        and all(path in there for path in needs)
    )
