"""The CNI configuration of nodes with flannel, and network interfaces of CNI plugins."""

from __future__ import annotations

from typing import Any

from edgeadm.node.offline_files import RESERVATIONS, SCRATCH, SUBNET

CONFLIST = "/etc/cni/net.d/10-flannel.conflist"
NETWORK = "cbr0"  # its name in the conflist
PLUGIN = "edge-ipam"
FILES = {"subnet": SUBNET, "scratch": SCRATCH, "reservations": RESERVATIONS}
# Everywhere but on edge nodes, where Pods get the addresses back that they had.
CONFLIST_VALUES: dict[str, Any] = {"at_edge": False, "remembers": False}
AT_EDGE: dict[str, object] = {"at_edge": True, **FILES}
EVERY_CONFLIST = (CONFLIST_VALUES, AT_EDGE | {"remembers": True}, AT_EDGE | {"remembers": False})
LINKS = ("cni0", "flannel.1", "cbr0", "kube-ipvs0", "tunl0", "cilium_host", "antrea-gw0")
