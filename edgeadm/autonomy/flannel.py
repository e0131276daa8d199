"""Checks that flannel's files match the state that other nodes know."""

from __future__ import annotations

import ipaddress
import json
import re

from edgeadm.autonomy.cached import entry_of, own_node
from edgeadm.autonomy.node import FLANNEL, OTHER_NETWORK, EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, not_applicable, ok, refer_to
from edgeadm.node.offline_files import SUBNET

GROUP = "pod network"
LINK, BRIDGE = "flannel.1", "cni0"
ANNOTATIONS = "flannel.alpha.coreos.com"


def _subnet(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    text = node.host.read(SUBNET)
    if text is None:
        return failed(f"{SUBNET} is missing")
    found = _values(text)
    lacking = [name for name in ("FLANNEL_MTU", "FLANNEL_IPMASQ") if not found.get(name)]
    if not _networks(found):
        lacking.insert(0, "FLANNEL_SUBNET")
    return failed(f"{SUBNET} lacks {', '.join(lacking)}") if lacking else ok(f"{found.get('FLANNEL_SUBNET')}")


def _values(text: bytes) -> dict[str, str]:
    lines = (line.partition("=") for line in text.decode(errors="replace").splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _networks(values: dict[str, str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """This node's ranges; empty if one of them is outside the network."""
    found = []
    for family in ("FLANNEL", "FLANNEL_IPV6"):
        if f"{family}_SUBNET" not in values:
            continue
        try:
            ours = ipaddress.ip_network(values[f"{family}_SUBNET"], strict=False)
            ipaddress.ip_network(values.get(f"{family}_NETWORK", ""), strict=False)
        except ValueError:
            return []
        found.append(ours)
    return found


def _links(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    ranges = _networks(_values(node.host.read(SUBNET) or b""))
    if not ranges:
        return refer_to("flannel-subnet")
    for link in (LINK, BRIDGE):
        for text in node.addresses.get(link, []):
            address = ipaddress.ip_interface(text).ip
            same = [each for each in ranges if each.version == address.version]
            if same and not address.is_link_local and not any(address in each for each in same):
                return failed(f"{link} has {address}, but {SUBNET} contains {same[0]}")
    given = _given(node)
    if given and str(ranges[0]) not in given:
        return failed(f"the Node has the range {given[0]}, but {SUBNET} contains {ranges[0]}")
    there = [link for link in (LINK, BRIDGE) if link in node.addresses]
    return ok(f"{ranges[0]} is on {', '.join(there) or 'no link yet'}")


def _given(node: EdgeNode) -> list[str]:
    spec = (own_node(node) or {}).get("spec") or {}
    return [str(each) for each in spec.get("podCIDRs") or [spec.get("podCIDR")] if each]


def _known(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    if entry_of(node, FLANNEL, "nodes", node.name) is None:
        return refer_to("cache-flannel")
    found = own_node(node)
    if found is None:
        return failed("flannel's own Node cannot be read from the cache")
    notes = (found.get("metadata") or {}).get("annotations") or {}
    if notes.get(f"{ANNOTATIONS}/backend-type", "vxlan") != "vxlan":
        return not_applicable(f"flannel uses the backend {notes[f'{ANNOTATIONS}/backend-type']}")
    try:
        noted = str(json.loads(notes[f"{ANNOTATIONS}/backend-data"])["VtepMAC"]).lower()
    except (KeyError, ValueError, TypeError):
        return failed("flannel's own Node does not contain the MAC address that other nodes send to")
    answer = node.host.ask("ip", "-o", "link", "show", "dev", LINK)
    has = re.search(r"link/ether (\S+)", answer.out)
    if has is None:
        return failed(f"the link {LINK} does not exist")
    if has[1].lower() != noted:
        return failed(f"{LINK} has {has[1]}, but other nodes use {noted}")
    return ok(f"{LINK} has {noted}, as other nodes expect")


FLANNEL_CHECKS = (
    Check(
        "flannel-subnet",
        GROUP,
        "flannel's subnet file is complete and survives a boot",
        _subnet,
        hint="restore it from the copy with `edgeadm-node repair`; flannel's Pod also writes it at its start",
    ),
    Check(
        "flannel-links",
        GROUP,
        "the links have addresses of the range in flannel's subnet file",
        _links,
        hint="the node has another range now: drain it and restart it while the cloud is reachable",
    ),
    Check(
        "flannel-node",
        GROUP,
        "flannel's link has the MAC address that other nodes expect",
        _known,
        hint=f"while the cloud is reachable, run `ip link delete {LINK}` and delete flannel's Pod, which "
        "publishes the new address",
    ),
)
