"""The sandbox's switch: a bridge in an isolated network namespace.

    edge1 ─ veth ┐
    cp1 ─── veth ┤ bridge 10.77.N.1 (namespace of the switch) ─ veth ─ 10.77.N.254 (this host)

Second network interfaces are on a separate bridge, 10.78.N.1 (`second`); packets are not forwarded between
both.

The switch is isolated by construction: it has no other interface and no route. Rules on both sides enforce
this in addition. The switch rejects packets to other networks immediately, so that programs do not wait for
a time-out. This host forwards no packet from the sandbox's link. Both rules exist before the first node
boots, and count rejected packets.

For a detached sandbox, a network namespace with the same link and rules replaces this host: the host then
has no route to the sandbox, and several sandboxes may have the same subnet.

Bridged IPv4 packets pass the switch's forward chain (br_netfilter) with connection tracking, which
implements NAT. A node cannot change it, and the host's firewall does not see traffic between nodes."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.sandbox import names, second
from edgeadm.sandbox.errors import NoSandboxError
from edgeadm.sandbox.state import NodeRecord, SandboxRecord

BRIDGE = "br0"
UPLINK = "machine"

SWITCH_RULES = """
table inet switch {{
    set natted {{ type ipv4_addr; }}
    counter refused {{ }}
    chain between {{
        ip daddr @natted ct state {{ invalid, untracked }} drop
        ip daddr @natted ct direction original drop
    }}
    chain forward {{
        type filter hook forward priority 0; policy accept;
        iifname {bridge} oifname {bridge} jump between
        iifname {bridge} oifname {bridge} accept
        iifname {second} oifname {second} accept
        meta l4proto tcp counter name refused reject with tcp reset
        counter name refused reject with icmpx type admin-prohibited
    }}
}}
table bridge switch {{
    set natted {{ type ifname; }}
    counter stopped {{ }}
    chain forward {{
        type filter hook forward priority 0; policy accept;
        oifname {uplink} ether type arp accept
        oifname {uplink} ip daddr {machine} accept
        oifname {uplink} counter name stopped drop
        oifname @natted ether type ip6 drop
    }}
}}
"""

MACHINE_RULES = """
table inet {table} {{
    counter refused {{ }}
    counter outward {{ }}
    chain input {{
        type filter hook input priority -150; policy accept;
        iifname {link} ct state established,related accept
        iifname {link} ip daddr {machine} icmp type echo-request accept
        iifname {link} counter name refused reject
    }}
    chain forward {{
        type filter hook forward priority -150; policy accept;
        iifname {link} counter name refused reject
        oifname {link} drop
    }}
    chain slipped {{
        type filter hook forward priority 300; policy accept;
        iifname {link} counter name outward drop
    }}
}}
"""


def raise_switch(record: SandboxRecord) -> bool:
    """Create or repair the switch and its rules. Returns True if it was complete and has no link."""
    netns, link = names.switch_netns(record.name), names.machine_link(record.name)
    machine = names.address(record.number, names.MACHINE)
    if _is_whole(record):
        return False
    remove_switch(record.name)
    table = names.nft_table(record.name)
    inside_machine: tuple[str, ...] = ()
    if record.detached:
        stand_in = names.machine_netns(record.name)
        _ip("netns", "add", stand_in)
        inside_machine = ("-n", stand_in)
    _load(MACHINE_RULES.format(table=table, link=link, machine=machine), _machine(record.name))
    _ip("netns", "add", netns)
    rules = SWITCH_RULES.format(bridge=BRIDGE, second=second.BRIDGE, uplink=UPLINK, machine=machine)
    _load(rules, ["ip", "netns", "exec", netns])
    inside = ("-n", netns)
    # A fixed address: otherwise a bridge uses that of a port, and loses it with the port.
    bridge = ("link", "add", BRIDGE, "address", names.mac(record.gateway), "type", "bridge")
    _ip(*inside, *bridge, "forward_delay", "0", "nf_call_iptables", "1")
    _ip(*inside, "addr", "add", f"{record.gateway}/24", "dev", BRIDGE)
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "link", "set", BRIDGE, "up")
    for words in second.bridge(record):
        _ip(*words[1:])
    # A packet to another network requires a route to reach the rule that rejects it; this one is a dead end.
    _ip(*inside, "route", "add", "default", "dev", "lo")
    settings = ("net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0", "net.ipv6.conf.all.disable_ipv6=1")
    execute(["ip", "netns", "exec", netns, "sysctl", "-qw", *settings]).checked()
    _ip(*inside_machine, "link", "add", link, "type", "veth", "peer", "name", UPLINK, "netns", netns)
    no_ipv6 = f"net.ipv6.conf.{link}.disable_ipv6=1"
    execute([*_machine(record.name), "sysctl", "-qw", no_ipv6]).checked()
    _ip(*inside, "link", "set", UPLINK, "master", BRIDGE, "up")
    _ip(*inside_machine, "addr", "add", f"{machine}/24", "dev", link)
    # The last step: it marks a complete switch.
    _ip(*inside_machine, "link", "set", link, "up")
    return True


def remove_switch(sandbox: str) -> None:
    """Delete the switch, its link to this host, and its rules."""
    remove_netns(names.machine_netns(sandbox))
    link, table = names.machine_link(sandbox), names.nft_table(sandbox)
    deleted = execute(["ip", "link", "del", link])
    if deleted.code and Path(f"/sys/class/net/{link}").exists():
        deleted.checked()
    remove_netns(names.switch_netns(sandbox))
    if execute(["nft", "list", "table", "inet", table]).code == 0:
        execute(["nft", "delete", "table", "inet", table]).checked()


def remove_netns(name: str) -> None:
    """Delete a network namespace, if it exists, and kill the processes that would keep it.

    Also deletes a namespace whose mount was lost.
    """
    path = Path("/run/netns") / name
    if path.exists():
        for pid in execute(["ip", "netns", "pids", name]).out.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        execute(["ip", "netns", "del", name])
        with suppress(FileNotFoundError, OSError):
            path.unlink()


def plug(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that create a node's network namespace on the switch; the link itself stays down."""
    switch, own = names.switch_netns(record.name), names.node_netns(record.name, node.name)
    inside = ["ip", "-n", own]
    peer = ["name", "eth0", "address", names.mac(node.ip), "netns", own]
    return [
        ["ip", "netns", "add", own],
        ["ip", "link", "add", node.name, "netns", switch, "type", "veth", "peer", *peer],
        ["ip", "-n", switch, "link", "set", node.name, "master", BRIDGE],
        [*inside, "link", "set", "lo", "up"],
        # A node with DHCP starts with an interface that is down and has no address, as hosts do.
        *([] if node.dhcp else [[*inside, "link", "set", "eth0", "up"]]),
        *(second.plug(record, node) if node.second else []),
    ]


def give_address(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that configure a node's address, and its default route unless a second interface has it. A
    node with DHCP configures both itself."""
    if node.dhcp:
        return []
    inside = ["ip", "-n", names.node_netns(record.name, node.name)]
    route = [*inside, "route", "replace", "default", "via", record.gateway]
    return [
        [*inside, "addr", "replace", f"{node.ip}/24", "dev", "eth0"],
        *([] if node.second == second.UPLINK else [route]),
    ]


def take_address(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The command that removes all addresses and routes of the node's interface."""
    return [["ip", "-n", names.node_netns(record.name, node.name), "addr", "flush", "dev", "eth0"]]


def unplug(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that delete it; they fail if it does not exist."""
    return [
        ["ip", "-n", names.switch_netns(record.name), "link", "del", node.name],
        *([second.unplug(record, node)] if node.second else []),
        ["ip", "netns", "del", names.node_netns(record.name, node.name)],
    ]


def cable(record: SandboxRecord, node: str, up: bool) -> list[str]:
    """The command that sets a node's link up or down at the switch."""
    state = "up" if up else "down"
    return ["ip", "-n", names.switch_netns(record.name), "link", "set", node, state]


def set_nat(record: SandboxRecord, node: NodeRecord, on: bool) -> None:
    """Turn NAT for the node on or off; inbound connections are closed immediately.

    Does nothing without a switch: a node gets its NAT at each power-on.
    """
    netns = names.switch_netns(record.name)
    if not (Path("/run/netns") / netns).exists():
        return
    inside = ["ip", "netns", "exec", netns]
    for family, element in (("inet", node.ip), ("bridge", node.name)):
        where = f"element {family} switch natted {{ {element} }}"
        # Added first, because deleting a missing element is an error.
        _load(f"add {where}\n" if on else f"add {where}\ndelete {where}\n", inside)


def refused_packets(sandbox: str) -> int:
    """The number of rejected packets from the nodes to other networks, in the switch and on this host."""
    inside = _counters(["ip", "netns", "exec", names.switch_netns(sandbox), "nft"])
    outside = _counters([*_machine(sandbox), "nft"], names.nft_table(sandbox))
    return inside.get("refused", 0) + outside.get("refused", 0)


def forwarded_packets(sandbox: str) -> int:
    """The number of packets of the sandbox that this host forwarded: always 0.

    Raises NoSandboxError if the rules that count them do not exist.
    """
    counted = _counters([*_machine(sandbox), "nft"], names.nft_table(sandbox))
    if "outward" not in counted:
        raise NoSandboxError(f"there are no rules for a sandbox `{sandbox}` on this host")
    return counted["outward"]


def routed_networks() -> list[str]:
    """All networks of this host's addresses and routes."""
    out = execute(["ip", "-j", "-4", "route", "show", "table", "all"]).checked().out
    return [str(route["dst"]) for route in json.loads(out or "[]") if route.get("dst") != "default"]


def _is_whole(record: SandboxRecord) -> bool:
    machine = _machine(record.name)
    if bool(machine) != record.detached:
        return False
    link = execute([*machine, "ip", "-o", "link", "show", "up", "dev", names.machine_link(record.name)])
    if link.code or not link.out.strip():
        return False
    netns = names.switch_netns(record.name)
    if execute(["ip", "-n", netns, "link", "show", BRIDGE]).code:
        return False
    return execute([*machine, "nft", "list", "table", "inet", names.nft_table(record.name)]).code == 0


def _machine(sandbox: str) -> list[str]:
    """The prefix of a command that runs at this host's end of the link."""
    stand_in = names.machine_netns(sandbox)
    return ["ip", "netns", "exec", stand_in] if (Path("/run/netns") / stand_in).exists() else []


def _counters(nft: list[str], table: str = "") -> dict[str, int]:
    listed = json.loads(execute([*nft, "-j", "list", "counters"]).checked().out)
    found = (entry["counter"] for entry in listed["nftables"] if "counter" in entry)
    return {counter["name"]: int(counter["packets"]) for counter in found if table in ("", counter["table"])}


def _load(rules: str, inside: list[str]) -> None:
    execute([*inside, "nft", "-f", "-"], stdin=rules.encode()).checked()


def _ip(*words: str) -> None:
    execute(["ip", *words]).checked()
