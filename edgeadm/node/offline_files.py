"""Paths and units of an edge node's offline components."""

from __future__ import annotations

from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context
from edgeadm.node.lite_files import DATA

HELPER = "/usr/bin/edgeadm-node"
PACKED_HELPER = "bin/edgeadm-node"
SNAPSHOT = f"{DATA}/snapshot"
ADDRESSES = "/var/lib/cni/edge-ipam"  # which Pod has which address, over boots
# Of one boot alone: host-local's reservations, and what flannel's plugin hands to the next one.
RESERVATIONS = "/run/cni/networks"
SCRATCH = "/run/cni/flannel"
SUBNET = "/var/lib/flannel/subnet.env"  # flannel's own, kept over boots on edge nodes
KUBELET = "/var/lib/kubelet"
DRILL = "inet edgeadm-drill"  # the table of the packet filter that is there while an outage is rehearsed
# Not in the journal: the table is there if a drill was killed and its timer has not fired yet.
OF_A_DRILL = Leaves(tables=(DRILL,))


def has_helper(ctx: Context) -> bool:
    """Whether this node has, or gets, the program that does it: packages of other makers may lack it."""
    return (ctx.package is not None and ctx.package.has(PACKED_HELPER)) or ctx.host.stat(HELPER) is not None
