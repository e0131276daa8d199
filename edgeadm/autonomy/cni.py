"""Checks that containerd uses the CNI configuration that stores addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from edgeadm.autonomy.node import OTHER_NETWORK, EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, not_applicable, ok, refer_to, warning
from edgeadm.node.cni_files import CONFLIST
from edgeadm.node.offline_files import RESERVATIONS, SCRATCH, SUBNET

GROUP = "pod network"
FOLDER, _, OURS = CONFLIST.rpartition("/")
SUFFIXES = (".conf", ".conflist", ".json")  # the files that libcni reads, by name
PLUGINS = "/opt/cni/bin"
IPAM = "edge-ipam"
NEEDED = (IPAM, "host-local", "flannel", "portmap", "bridge", "loopback")
JOIN_AGAIN = "run `edgeadm join` again: it restores its configuration"


def _first(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return warning(f"{OTHER_NETWORK}: see its documentation for starts without the cloud")
    there = [name for name in node.host.names(FOLDER) if name.endswith(SUFFIXES)]
    if not there:
        return failed(f"there is none in {FOLDER}")
    if there[0] != OURS:
        return failed(f"{there[0]} precedes {OURS}" if OURS in there else f"found {there[0]} instead")
    return ok(f"{OURS} is the first")


def _memory(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    if node.host.stat(CONFLIST) is None:
        return refer_to("cni-first")
    wrong = list(_forgetful(_plugin(node)))
    return (
        failed(f"{CONFLIST}: {', '.join(wrong)}") if wrong else ok("addresses and subnet are stored on disk")
    )


def _plugin(node: EdgeNode) -> dict[str, Any]:
    """The first plugin of our configuration, or an empty string."""
    try:
        found = json.loads(node.host.read(CONFLIST) or b"")["plugins"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _forgetful(plugin: dict[str, Any]) -> Iterator[str]:
    ipam = plugin.get("ipam") or {}
    wanted = (
        ("the first plugin", plugin.get("type"), "flannel"),
        ("`subnetFile`", plugin.get("subnetFile"), SUBNET),
        ("`dataDir`", plugin.get("dataDir"), SCRATCH),
        ("the address plugin", ipam.get("type"), IPAM),
        ("its `dataDir`", ipam.get("dataDir"), RESERVATIONS),
    )
    for what, found, right in wanted:
        if found != right:
            yield f"{what} is {f'`{found}`' if found else 'not set'} instead of `{right}`"


def _plugins(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    wrong = []
    for name in NEEDED:
        info = node.host.stat(f"{PLUGINS}/{name}")
        if info is None:
            wrong.append(f"{name} is missing")
        elif info.kind == "file" and (not info.size or not info.mode & 0o111):
            wrong.append(f"{name} is {'not executable' if info.size else 'empty'}")
    return failed(", ".join(wrong)) if wrong else ok(f"all {len(NEEDED)} are in {PLUGINS}")


CNI_CHECKS = (
    Check(
        "cni-first",
        GROUP,
        "containerd uses edgeadm's CNI configuration",
        _first,
        hint=f"move all other files out of {FOLDER}; `edgeadm join` writes edgeadm's again",
    ),
    Check(
        "cni-memory", GROUP, "the CNI configuration keeps addresses across boots", _memory, hint=JOIN_AGAIN
    ),
    Check("cni-plugins", GROUP, "the CNI plugins that it names are executable", _plugins, hint=JOIN_AGAIN),
)
