"""The sandbox's switch: a bridge in a network namespace of its own, which has no way out.

    edge1 ─ veth ┐
    cp1 ─── veth ┤ bridge 10.77.N.1 (namespace of the switch) ─ veth ─ 10.77.N.254 (this machine)

Second network cards are on a bridge of their own, 10.78.N.1 (`second`), and packets do not pass between both.

Nothing can leave by construction: the switch has no other interface and no route. Rules stand on both
sides all the same. In the switch, what a node sends to anywhere else is refused at once, so that nothing
waits for a time-out. On this machine, nothing that comes in by that one cable is forwarded. Both are in
place before the first node boots, and count what they refuse.

A detached sandbox has a network namespace of its own in this machine's place, with the same cable and rules:
this machine then has no route to the sandbox, and several may have the same subnet side by side.

Bridged IPv4 packets pass the switch's forward chain (br_netfilter) with connection tracking: that is where
NAT is played. A node cannot undo it, and the firewall of this machine never sees traffic between nodes."""

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
    """Make the switch and its rules where they are not whole; True where it was, and no cable is in it."""
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
    # A fixed address: a bridge else takes that of some port, and loses it with the port.
    bridge = ("link", "add", BRIDGE, "address", names.mac(record.gateway), "type", "bridge")
    _ip(*inside, *bridge, "forward_delay", "0", "nf_call_iptables", "1")
    _ip(*inside, "addr", "add", f"{record.gateway}/24", "dev", BRIDGE)
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "link", "set", BRIDGE, "up")
    for words in second.bridge(record):
        _ip(*words[1:])
    # A packet to elsewhere needs a route to reach the rule that refuses it; this one leads nowhere.
    _ip(*inside, "route", "add", "default", "dev", "lo")
    settings = ("net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0", "net.ipv6.conf.all.disable_ipv6=1")
    execute(["ip", "netns", "exec", netns, "sysctl", "-qw", *settings]).checked()
    _ip(*inside_machine, "link", "add", link, "type", "veth", "peer", "name", UPLINK, "netns", netns)
    no_ipv6 = f"net.ipv6.conf.{link}.disable_ipv6=1"
    execute([*_machine(record.name), "sysctl", "-qw", no_ipv6]).checked()
    _ip(*inside, "link", "set", UPLINK, "master", BRIDGE, "up")
    _ip(*inside_machine, "addr", "add", f"{machine}/24", "dev", link)
    # The last step: it is what tells a whole switch from one that was interrupted.
    _ip(*inside_machine, "link", "set", link, "up")
    return True


def remove_switch(sandbox: str) -> None:
    """Remove the switch, its cable to this machine, and the rules for it."""
    remove_netns(names.machine_netns(sandbox))
    link, table = names.machine_link(sandbox), names.nft_table(sandbox)
    deleted = execute(["ip", "link", "del", link])
    if deleted.code and Path(f"/sys/class/net/{link}").exists():
        deleted.checked()
    remove_netns(names.switch_netns(sandbox))
    if execute(["nft", "list", "table", "inet", table]).code == 0:
        execute(["nft", "delete", "table", "inet", table]).checked()


def remove_netns(name: str) -> None:
    """Remove a named network namespace, if it is there, and end the processes that would keep it alive.

    A namespace whose mount was lost is removed too."""
    path = Path("/run/netns") / name
    if path.exists():
        for pid in execute(["ip", "netns", "pids", name]).out.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        execute(["ip", "netns", "del", name])
        with suppress(FileNotFoundError, OSError):
            path.unlink()


def plug(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that give a node a new network namespace on the switch; the cable itself stays down."""
    switch, own = names.switch_netns(record.name), names.node_netns(record.name, node.name)
    inside = ["ip", "-n", own]
    peer = ["name", "eth0", "address", names.mac(node.ip), "netns", own]
    return [
        ["ip", "netns", "add", own],
        ["ip", "link", "add", node.name, "netns", switch, "type", "veth", "peer", *peer],
        ["ip", "-n", switch, "link", "set", node.name, "master", BRIDGE],
        [*inside, "link", "set", "lo", "up"],
        # A node with DHCP finds its card as a machine does: down, and without an address.
        *([] if node.dhcp else [[*inside, "link", "set", "eth0", "up"]]),
        *(second.plug(record, node) if node.second else []),
    ]


def give_address(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that give a node its address, and its default route if no second card has that. A node
    with DHCP asks for both by itself."""
    if node.dhcp:
        return []
    inside = ["ip", "-n", names.node_netns(record.name, node.name)]
    route = [*inside, "route", "replace", "default", "via", record.gateway]
    return [
        [*inside, "addr", "replace", f"{node.ip}/24", "dev", "eth0"],
        *([] if node.second == second.UPLINK else [route]),
    ]


def take_address(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The command that takes every address of the node's card away, and the routes with them."""
    return [["ip", "-n", names.node_netns(record.name, node.name), "addr", "flush", "dev", "eth0"]]


def unplug(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that take it away; they fail where there is nothing to take."""
    return [
        ["ip", "-n", names.switch_netns(record.name), "link", "del", node.name],
        *([second.unplug(record, node)] if node.second else []),
        ["ip", "netns", "del", names.node_netns(record.name, node.name)],
    ]


def cable(record: SandboxRecord, node: str, up: bool) -> list[str]:
    """The command that connects a node's cable at the switch, or pulls it."""
    state = "up" if up else "down"
    return ["ip", "-n", names.switch_netns(record.name), "link", "set", node, state]


def set_nat(record: SandboxRecord, node: NodeRecord, on: bool) -> None:
    """Put the node behind NAT, or before it again; connections others opened to it die at once.

    Without a switch there is nothing to do: a node gets its NAT with each power-on."""
    netns = names.switch_netns(record.name)
    if not (Path("/run/netns") / netns).exists():
        return
    inside = ["ip", "netns", "exec", netns]
    for family, element in (("inet", node.ip), ("bridge", node.name)):
        where = f"element {family} switch natted {{ {element} }}"
        # Added first, so that a failure to delete is one: what is not there cannot be deleted.
        _load(f"add {where}\n" if on else f"add {where}\ndelete {where}\n", inside)


def refused_packets(sandbox: str) -> int:
    """Packets from the nodes to anywhere outside that were refused, in the switch and on this machine."""
    inside = _counters(["ip", "netns", "exec", names.switch_netns(sandbox), "nft"])
    outside = _counters([*_machine(sandbox), "nft"], names.nft_table(sandbox))
    return inside.get("refused", 0) + outside.get("refused", 0)


def forwarded_packets(sandbox: str) -> int:
    """Packets of the sandbox that got as far as being forwarded out of this machine: always 0.

    Raises NoSandboxError where the rules that count them are not there."""
    counted = _counters([*_machine(sandbox), "nft"], names.nft_table(sandbox))
    if "outward" not in counted:
        raise NoSandboxError(f"there are no rules for a sandbox `{sandbox}` on this host")
    return counted["outward"]


def routed_networks() -> list[str]:
    """Every network that this machine has an address in or a route to."""
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
    """What stands before a command that runs at this machine's end of the cable."""
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
