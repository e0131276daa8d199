"""All machines of a fleet whose facts are known, and the Nodes of the cluster: indexed for comparisons."""

from __future__ import annotations

import ipaddress
from bisect import insort
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from edgeadm.cluster import Object
from edgeadm.config.ranges import Network
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Fleet, Machine, Role

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Interfaces of container networks, tunnels and bridges: many hosts have equal ones.
VIRTUAL = (
    *("lo", "docker", "podman", "veth", "br-", "virbr", "cni", "cbr", "flannel", "kube-", "tunl", "tap"),
    *("tun", "wg", "dummy", "vxlan", "cali", "cilium", "lxc", "antrea", "nodelocal", "tkeedgedns"),
)
# The number of machines with one value that are looked at.
MOST = 50
# Values that makers of hardware and hypervisors leave in place of a serial number or UUID.
JUNK = frozenset(
    {
        *("", "none", "unknown", "default", "default string", "n/a", "na", "oem", "invalid", "empty"),
        *("to be filled by o.e.m.", "to be filled by oem", "system serial number", "serial number"),
        *("not specified", "not applicable", "not available", "not settable", "o.e.m.", "0123456789"),
        *("123456789", "1234567890", "system product name", "03000200-0400-0500-0006-000700080009"),
    }
)


def is_junk(value: str) -> bool:
    """Whether a serial number or UUID says nothing: a known filler, or one character repeated."""
    text = value.strip().lower()
    return text in JUNK or len(set(text) - set("-. :_")) < 2


@dataclass(frozen=True)
class Around:
    """The surroundings of the machines. Empty values are not known, and their checks do not apply.

    `packages` are the architectures with a package. `endpoint` and `tunnel` are HOST:PORT as in
    `Facts.reaches`. `ca` is the hash of the cluster's CA. `space` returns the required space in MiB for an
    architecture and a role, `unpacked` that for the files which `edgeadm join` unpacks. `own_machine_id` is
    that of the host that runs edgeadm. `waived` are the codes of `ignorePreflightErrors` for all machines."""

    packages: frozenset[str] = frozenset()
    endpoint: str = ""
    tunnel: tuple[str, ...] = ()
    ca: str = ""
    space: Callable[[str, Role], int] = lambda _arch, _role: 0
    unpacked: Callable[[str, Role], int] = lambda _arch, _role: 0
    pod_ranges: tuple[Network, ...] = ()
    service_ranges: tuple[Network, ...] = ()
    own_machine_id: str = ""
    waived: tuple[str, ...] = ()

    @classmethod
    def of(cls, fleet: Fleet, **more: Any) -> Around:
        """The surroundings as far as the document tells them; `more` are those of the cluster and of this
        host."""
        waived = fleet.settings.get("ignorePreflightErrors") or ()
        words = waived.split(",") if isinstance(waived, str) else waived
        known: dict[str, Any] = {
            "packages": frozenset(fleet.packages),
            "endpoint": fleet.cluster.endpoint,
            "waived": tuple(map(str, words)) if isinstance(words, Sequence) else (),
        }
        return cls(**known | more)


@dataclass(frozen=True)
class Peer:
    """A machine with its facts."""

    machine: Machine
    facts: Facts

    @property
    def name(self) -> str:
        return self.machine.name

    @cached_property
    def identities(self) -> tuple[tuple[str, str], ...]:
        """Kind and value of everything that should be unique to a machine, each once."""
        return tuple(dict.fromkeys(_identities(self.machine, self.facts)))


@dataclass
class Crowd:
    """The known machines. `add` may be called for late ones at any time. Not safe for threads."""

    around: Around = field(default_factory=Around)
    nodes: Sequence[Object] = ()
    _peers: dict[str, Peer] = field(default_factory=dict)
    _index: dict[tuple[str, str], list[Peer]] = field(default_factory=dict)
    _clocks: list[float] = field(default_factory=list)
    _nodes: dict[tuple[str, str], list[Object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.see(self.nodes)

    def see(self, nodes: Sequence[Object]) -> None:
        """Replace the Nodes of the cluster."""
        self.nodes = nodes
        self._nodes.clear()
        for node in nodes:
            for key in dict.fromkeys(_node_identities(node)):
                self._nodes.setdefault(key, []).append(node)

    def nodes_with(self, kind: str, values: Iterable[str]) -> list[Object]:
        """The Nodes with one of these values of a kind: `name`, `machine-id` or `address`. Each is listed
        once."""
        found = (node for value in values for node in self._nodes.get((kind, value), ()))
        return list({node["metadata"]["name"]: node for node in found}.values())

    def add(self, machine: Machine, facts: Facts) -> Peer:
        """Make the machine known; facts that were known of it before are replaced."""
        self.forget(machine.name)
        peer = Peer(machine, facts)
        self._peers[peer.name] = peer
        for key in peer.identities:
            self._index.setdefault(key, []).append(peer)
        insort(self._clocks, facts.clock)
        return peer

    def forget(self, name: str) -> None:
        """Remove a machine, if it is known."""
        peer = self._peers.pop(name, None)
        if peer is not None:
            for key in peer.identities:
                self._index[key].remove(peer)
            self._clocks.remove(peer.facts.clock)

    def peer(self, name: str) -> Peer:
        """A known machine."""
        return self._peers[name]

    def others(self, peer: Peer, kind: str) -> Iterator[tuple[str, Peer]]:
        """Each value of this kind that the machine shares with others, with each of those; of very many, the
        first ones: a thousand clones are no million of findings."""
        for key in peer.identities:
            if key[0] == kind:
                every = (each for each in self._index[key] if each.name != peer.name)
                yield from ((key[1], each) for each in islice(every, MOST))

    def control_planes(self, peer: Peer) -> list[Peer]:
        """The other known control planes."""
        every = (each for each in self._peers.values() if each.machine.role is Role.CONTROL_PLANE)
        return [each for each in every if each.name != peer.name]

    @property
    def middle_clock(self) -> float | None:
        """The median difference of the clocks; None of fewer than three machines."""
        return self._clocks[len(self._clocks) // 2] if len(self._clocks) > 2 else None


@dataclass(frozen=True)
class Placed:
    """The subject of the checks: a machine among the others."""

    peer: Peer
    crowd: Crowd

    @property
    def machine(self) -> Machine:
        return self.peer.machine

    @property
    def facts(self) -> Facts:
        return self.peer.facts

    @property
    def around(self) -> Around:
        return self.crowd.around

    @cached_property
    def twins(self) -> frozenset[str]:
        """The names of machines that are this one: with the same target, or with two identities in common."""
        others = self.crowd.others
        targets = {each.name for _, each in others(self.peer, "target")}
        ids = {each.name for _, each in others(self.peer, "machine-id")}
        hardware = {each.name for kind in ("mac", "uuid") for _, each in others(self.peer, kind)}
        return frozenset(targets | (ids & hardware))

    @property
    def is_edge(self) -> bool:
        return self.machine.role is Role.EDGE

    @property
    def is_ours(self) -> bool:
        """Whether the machine is, or was made, a node of this cluster."""
        membership = self.facts.membership
        return membership is not None and bool(self.around.ca) and membership.ca == self.around.ca

    @property
    def may_replace(self) -> bool:
        """Whether the machine may take the place of an earlier Node of its name."""
        return self.machine.reinstall or self.machine.target.host_keys.reinstalled


def _identities(machine: Machine, facts: Facts) -> Iterator[tuple[str, str]]:
    target = machine.target
    yield "target", "|".join((target.place, *(jump.place for jump in target.jumps)))
    yield "hostname", facts.hostname.lower()
    if not is_junk(facts.machine_id):
        yield "machine-id", facts.machine_id.lower()
    if not is_junk(facts.serial):
        yield "serial", facts.serial.strip()
    if not is_junk(facts.product_uuid):
        yield "uuid", facts.product_uuid.lower()
    for link, mac in facts.macs.items():
        if not is_virtual(link) and not is_junk(mac) and mac.lower() != "ff:ff:ff:ff:ff:ff":
            yield "mac", mac.lower()
    for address in addresses(facts):
        yield "address", str(address)


def _node_identities(node: Object) -> Iterator[tuple[str, str]]:
    """Kind and value of the identities in a Node, as its kubelet reported them."""
    yield "name", node["metadata"]["name"]
    status = node.get("status") or {}
    machine_id = str((status.get("nodeInfo") or {}).get("machineID") or "").lower()
    if not is_junk(machine_id):
        yield "machine-id", machine_id
    for each in status.get("addresses") or ():
        if each.get("type") == "InternalIP":
            yield "address", str(each.get("address"))


def is_virtual(link: str) -> bool:
    """Whether the interface belongs to containers, tunnels or the loopback."""
    return link.startswith(VIRTUAL)


def interfaces(facts: Facts) -> Iterator[tuple[str, ipaddress.IPv4Interface | ipaddress.IPv6Interface]]:
    """The addresses of real interfaces that other machines could reach, with their networks."""
    for link, texts in (facts.networks or facts.addresses).items():
        for text in () if is_virtual(link) else texts:
            try:
                found = ipaddress.ip_interface(text)
            except ValueError:
                continue
            if not (found.ip.is_loopback or found.ip.is_link_local or found.ip.is_unspecified):
                yield link, found


def addresses(facts: Facts) -> Collection[Address]:
    """The addresses of real interfaces."""
    return dict.fromkeys(found.ip for _, found in interfaces(facts))


def names_of(names: Iterable[str], limit: int = 5) -> str:
    """The names of machines for a message; of many, the first ones and the number of the others."""
    every = sorted(set(names))
    least = "at least " if len(every) >= MOST else ""
    more = f" and {least}{len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more
