"""The second network interface of a node: eth1, on a separate bridge and subnet.

A `card` is a second network that connects such nodes. An `uplink` has the default route, and does not connect
the nodes, as with Vagrant's NAT or a mobile carrier.
"""

from __future__ import annotations

from edgeadm.sandbox import names
from edgeadm.sandbox.state import NodeRecord, SandboxRecord

BRIDGE = "br1"
LINK = "eth1"
CARD, UPLINK = "card", "uplink"
KINDS = (CARD, UPLINK)


def gateway(record: SandboxRecord) -> str:
    """The switch's own address on that network."""
    return names.second_address(record.number, names.GATEWAY)


def address(record: SandboxRecord, node: NodeRecord) -> str:
    """The node's address on that network: its host number is that of the first interface."""
    return names.second_address(record.number, int(node.ip.rpartition(".")[2]))


def bridge(record: SandboxRecord) -> list[list[str]]:
    """The commands that create the bridge in the switch."""
    inside = ["ip", "-n", names.switch_netns(record.name)]
    mac = names.mac(gateway(record))
    return [
        [*inside, "link", "add", BRIDGE, "address", mac, "type", "bridge", "forward_delay", "0"],
        [*inside, "addr", "add", f"{gateway(record)}/24", "dev", BRIDGE],
        [*inside, "link", "set", BRIDGE, "up"],
    ]


def plug(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that add the second interface to a node with a network namespace."""
    switch, own = names.switch_netns(record.name), names.node_netns(record.name, node.name)
    inside = ["ip", "-n", own]
    ip, port = address(record, node), _port(node)
    isolated = "on" if node.second == UPLINK else "off"
    route = [*inside, "route", "replace", "default", "via", gateway(record), "dev", LINK]
    peer = ["name", LINK, "address", names.mac(ip), "netns", own]
    return [
        ["ip", "link", "add", port, "netns", switch, "type", "veth", "peer", *peer],
        ["ip", "-n", switch, "link", "set", port, "master", BRIDGE, "up"],
        ["ip", "-n", switch, "link", "set", port, "type", "bridge_slave", "isolated", isolated],
        [*inside, "addr", "add", f"{ip}/24", "dev", LINK],
        [*inside, "link", "set", LINK, "up"],
        *([route] if node.second == UPLINK else []),
    ]


def unplug(record: SandboxRecord, node: NodeRecord) -> list[str]:
    """The command that removes it."""
    return ["ip", "-n", names.switch_netns(record.name), "link", "del", _port(node)]


def _port(node: NodeRecord) -> str:
    return f"{node.name}-{LINK}"
