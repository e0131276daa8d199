"""Names and addresses: pure functions without access to the host."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

from edgeadm.sandbox.errors import NoFreeSubnetError, SandboxNameError

# Role → the prefix of its nodes' names, the first host number and the maximum number of nodes.
ROLES = {"control-plane": ("cp", 11, 40), "worker": ("worker", 51, 49), "edge": ("edge", 101, 150)}
GATEWAY, MACHINE = 1, 254  # the address of the switch, and that of the host

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class NodeName:
    """A planned node: its name, role and position in the subnet."""

    name: str
    role: str
    host_number: int


def check_sandbox_name(name: str) -> str:
    """The name itself. Raises SandboxNameError if it is not valid for interfaces, directories and cgroups."""
    return _checked(name, "sandbox name", 24)


def check_state_name(name: str) -> str:
    """The name itself. Raises SandboxNameError if it cannot name the directory of a saved state."""
    return _checked(name, "name for a saved state", 60)


def _checked(name: str, what: str, most: int) -> str:
    if len(name) > most or not _NAME.fullmatch(name):
        raise SandboxNameError(
            f"`{name}` is not a valid {what}",
            hint=f"use up to {most} lower-case letters, digits and dashes, "
            "with a letter or digit at both ends",
        )
    return name


def wanted_nodes(control_planes: int, workers: int, edges: int) -> list[NodeName]:
    """The nodes for these numbers: cp1…, worker1…, edge1…"""
    counts = {"control-plane": control_planes, "worker": workers, "edge": edges}
    nodes = []
    for role, (prefix, first, most) in ROLES.items():
        if counts[role] > most:
            raise SandboxNameError(
                f"{counts[role]} nodes of the role {role} are more than a sandbox supports",
                hint=f"the limit is {most}",
            )
        nodes += [NodeName(f"{prefix}{i}", role, first + i - 1) for i in range(1, counts[role] + 1)]
    return nodes


def subnet(number: int) -> IPv4Network:
    """The subnet of the sandbox with this number."""
    return IPv4Network(f"10.77.{number}.0/24")


def address(number: int, host_number: int) -> str:
    """An address in the sandbox with this number."""
    return str(subnet(number)[host_number])


def second_subnet(number: int) -> IPv4Network:
    """The subnet of the second network interfaces of the sandbox with this number."""
    return IPv4Network(f"10.78.{number}.0/24")


def second_address(number: int, host_number: int) -> str:
    """An address in that subnet."""
    return str(second_subnet(number)[host_number])


def mac(ip: str) -> str:
    """A node's hardware address, derived from its IP, so that neighbours' ARP entries stay valid after a
    boot."""
    return "02:ed:" + ":".join(f"{int(part):02x}" for part in ip.split("."))


def free_number(used: Iterable[int], networks: Iterable[str]) -> int:
    """The first number whose subnet is not used by a sandbox or a route of this host."""
    used, networks = set(used), list(networks)
    for number in range(256):
        if is_free(number, used, networks):
            return number
    raise NoFreeSubnetError(
        "no subnet of 10.77.0.0/16 is free for a sandbox",
        hint="`edgeadm sandbox down --all` frees those of old sandboxes; `ip route` shows the others",
    )


def is_free(number: int, used: Iterable[int], networks: Iterable[str]) -> bool:
    """Whether the subnets of this number are not used by a sandbox or a route of this host."""
    routed = [net for net in (_network(text) for text in networks) if net is not None and net.prefixlen > 0]
    ours = (subnet(number), second_subnet(number))
    return number not in set(used) and not any(own.overlaps(net) for own in ours for net in routed)


def switch_netns(sandbox: str) -> str:
    """The network namespace of the sandbox's bridge."""
    return f"es-{sandbox}-switch"


def node_netns(sandbox: str, node: str) -> str:
    """The network namespace of a node."""
    return f"es-{sandbox}-{node}"


def machine_netns(sandbox: str) -> str:
    """The network namespace that replaces this host for a detached sandbox."""
    return f"es-{sandbox}-machine"


def machine_link(sandbox: str) -> str:
    """The interface of this host that is connected to the sandbox: at most 15 characters."""
    return f"es-{sandbox[:5].rstrip('-')}-{hashlib.sha256(sandbox.encode()).hexdigest()[:6]}"


def machine_name(sandbox: str, node: str) -> str:
    """The machine name for systemd-nspawn."""
    return f"{sandbox}-{node}"


def cgroup_name(sandbox: str, node: str) -> str:
    """The directory of a node in every cgroup hierarchy; names contain no dots, so they are unambiguous."""
    return f"edgeadm-sandbox.{sandbox}.{node}"


def nft_table(sandbox: str) -> str:
    """The nftables table of this host for the sandbox."""
    return (
        "edgeadm_sandbox_"
        + sandbox.replace("-", "_")
        + "_"
        + hashlib.sha256(sandbox.encode()).hexdigest()[:4]
    )


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None
