"""Checks that no two machines are one, and that no machine has the identity of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.cluster import Object
from edgeadm.cluster.conditions import is_ready
from edgeadm.fleet.crowd import Peer, Placed, addresses, names_of

GROUP = "identity"
Probe = Callable[[Placed], Iterable[Outcome]]
NEW_ID = (
    "the machines were cloned from one image: remove /etc/machine-id and /var/lib/dbus/machine-id on all but "
    "one of them, run `systemd-machine-id-setup`, and restart"
)


def _same(placed: Placed) -> Iterable[Outcome]:
    """Machines of the document with one target, or with two identities in common, are one machine."""
    if placed.twins:
        yield failed(f"it is the same machine as {names_of(placed.twins)}")


def _is_unique(kind: str, words: str, result: Callable[[str], Outcome]) -> Probe:
    """A probe for a value that no other machine may have."""

    def probe(placed: Placed) -> Iterable[Outcome]:
        for value, others in _shared(placed, kind):
            yield result(f"the {words} {value} is also that of {_named(others)}")

    return probe


def _mac(placed: Placed) -> Iterable[Outcome]:
    for mac, others in _shared(placed, "mac"):
        result = failed if any(_is_near(placed.peer, each) for each in others) else warning
        yield result(f"the MAC address {mac} is also that of {_named(others)}")


def _address(placed: Placed) -> Iterable[Outcome]:
    """Sites behind NAT may use equal addresses; machines of one site, and of the cloud, may not."""
    for value, others in _shared(placed, "address"):
        near = [each for each in others if _is_near(placed.peer, each)]
        far = [each for each in others if each not in near and not _are_sites(placed.peer, each)]
        if near:
            yield failed(f"the address {value} is also that of {_named(near)} in its network")
        elif far:
            yield warning(f"the address {value} is also that of {_named(far)}")


def _shared(placed: Placed, kind: str) -> Iterator[tuple[str, list[Peer]]]:
    """Each value of a kind with the other machines that have it; those that are this machine are left out."""
    found: dict[str, list[Peer]] = {}
    for value, each in placed.crowd.others(placed.peer, kind):
        if each.name not in placed.twins:
            found.setdefault(value, []).append(each)
    yield from found.items()


def _named(others: Iterable[Peer]) -> str:
    return names_of(each.name for each in others)


def _is_near(peer: Peer, other: Peer) -> bool:
    """Whether both are in one named site, or both are in the network of the control planes."""
    sites = {peer.machine.site, other.machine.site}
    edge = {peer.machine.role, other.machine.role} & {"edge"}
    return len(sites) == 1 and (bool(peer.machine.site) or not edge)


def _are_sites(peer: Peer, other: Peer) -> bool:
    """Whether they are in two sites, each with addresses of its own."""
    return peer.machine.site != other.machine.site


def _node_name(placed: Placed) -> Iterable[Outcome]:
    name = placed.machine.name
    own = {each["metadata"]["name"] for each in _own_nodes(placed)}
    for node in placed.crowd.nodes_with("name", [name]):
        if name not in own and not placed.is_ours and not placed.may_replace:
            state = "a live Node" if is_ready(node) else "a Node that is not ready"
            yield failed(f"{name} is the name of {state} of another machine")


def _other_node(placed: Placed) -> Iterable[Outcome]:
    own = [each["metadata"]["name"] for each in _own_nodes(placed)]
    yield from (failed(f"it is already the Node {name}") for name in own if name != placed.machine.name)
    here = map(str, addresses(placed.facts))
    for node in placed.crowd.nodes_with("address", here):
        name = node["metadata"]["name"]
        if name not in (placed.machine.name, *own):
            result = warning if placed.is_edge else failed
            yield result(
                f"the Node {name} has an address of this machine",
                f"if {name} is this machine, delete that Node with `kubectl delete node {name}`",
            )


def _own_nodes(placed: Placed) -> list[Object]:
    """The Nodes that are this machine, by the identity that their kubelet reported."""
    return placed.crowd.nodes_with("machine-id", [placed.facts.machine_id.lower()])


IDENTITY_CHECKS = (
    Check(
        "SameMachine",
        GROUP,
        "each machine is in the document once",
        _same,
        "remove all but one of these machines from the document",
    ),
    Check(
        "DuplicateMachineID",
        GROUP,
        "the machine-id is unique",
        _is_unique("machine-id", "machine-id", failed),
        NEW_ID,
    ),
    Check(
        "DuplicateHostname",
        GROUP,
        "the host name is unique",
        _is_unique("hostname", "host name", warning),
        "Nodes have the names of the document; set other host names with `hostnamectl set-hostname NAME`",
    ),
    Check(
        "DuplicateMAC",
        GROUP,
        "the MAC addresses are unique",
        _mac,
        "give the virtual machine or the network interface a MAC address of its own",
    ),
    Check(
        "DuplicateSerial",
        GROUP,
        "the serial number is unique",
        _is_unique("serial", "serial number", warning),
        "compare the machines: virtual machines and boards of one chassis may share a serial number",
    ),
    Check(
        "DuplicateProductUUID",
        GROUP,
        "the product UUID is unique",
        _is_unique("uuid", "product UUID", warning),
        "give the virtual machine a UUID of its own",
    ),
    Check(
        "DuplicateAddress",
        GROUP,
        "the addresses are unique in their network",
        _address,
        "assign another address, or name the `site` of each machine if they are in different networks",
    ),
    Check(
        "NodeNameTaken",
        GROUP,
        "no other machine is the Node of this name",
        _node_name,
        "choose another name; if the machine replaces that Node, use `--reinstalled NODE`",
    ),
    Check(
        "AlreadyNode",
        GROUP,
        "the machine is not a Node of another name",
        _other_node,
        "use the name of that Node in the document, or reset the machine with `edgeadm nodes reset`",
    ),
)
