"""The former Node of a machine that is reset: its name before the document gave it another one."""

from __future__ import annotations

from edgeadm.cluster import Object
from edgeadm.fleet.crowd import is_junk
from edgeadm.fleet.documents.forms import NAME
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Fleet, Machine


def former_name(fleet: Fleet, machine: Machine, facts: Facts, ca: str) -> str:
    """The name under which the machine is a node of the cluster with this CA, if it is not that of the
    document; empty otherwise. The machine is not trusted: a name that another machine of the fleet has, or
    that is not the name of a Node, is ignored."""
    member = facts.membership
    if member is None or not ca or member.ca != ca:
        return ""
    name = member.node
    if not is_node_name(name):
        return ""
    return "" if name in {machine.name, *(each.name for each in fleet.machines)} else name


def is_node_name(name: object) -> bool:
    """Whether this can be the name of a Node."""
    return isinstance(name, str) and NAME.test(name)


def is_of_machine(node: Object, facts: Facts) -> bool:
    """Whether the kubelet of this Node reported the machine-id of the machine."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    there = str(info.get("machineID") or "")
    return not is_junk(there) and there.lower() == facts.machine_id.lower()


def has_address(node: Object, address: str) -> bool:
    """Whether the Node has this internal address."""
    every = (node.get("status") or {}).get("addresses") or ()
    return any((each.get("type"), each.get("address")) == ("InternalIP", address) for each in every)
