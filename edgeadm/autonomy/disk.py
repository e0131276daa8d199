"""Checks that there is space for a start, and that the stored state is on a disk."""

from __future__ import annotations

from typing import Any

from edgeadm.autonomy.node import KUBELET_CONFIG, EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, ok, warning
from edgeadm.node.lite_files import CACHE
from edgeadm.node.offline_files import ADDRESSES, SNAPSHOT, SUBNET

GROUP = "disk"
# The kubelet's eviction signals with their file systems, and its default thresholds (defaults_linux.go).
KUBELET, RUNTIME = "/var/lib/kubelet", "/var/lib/containerd"
SPACE = ((KUBELET, "nodefs.available"), (RUNTIME, "imagefs.available"))
INODES = ((KUBELET, "nodefs.inodesFree"), (RUNTIME, "imagefs.inodesFree"))
DEFAULTS: dict[str, Any] = {
    "nodefs.available": "10%",
    "imagefs.available": "15%",
    "nodefs.inodesFree": "5%",
    "imagefs.inodesFree": "5%",
}
NEAR = 1.2  # factor for the threshold: a boot writes, too
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
IN_MEMORY = ("tmpfs", "ramfs")


def bound(text: str, total: float) -> float:
    """A threshold of the kubelet, such as `10%` or `1Gi`, as a number; 0 if it is invalid."""
    unit = next((each for each in UNITS if text.endswith(each)), "")
    try:
        if text.endswith("%"):
            return total * float(text[:-1]) / 100
        return float(text.removesuffix(unit)) * UNITS.get(unit, 1)
    except ValueError:
        return 0


def _free(node: EdgeNode) -> Outcome:
    bounds = _bounds(node)
    evicts, near, shown = [], [], []
    for flag, scale, kinds in (("-Pk", 1024, SPACE), ("-Pi", 1, INODES)):
        for path, signal in kinds:
            total, free = _measure(node, flag, path)
            wanted = str(bounds.get(signal, "0"))
            least = bound(wanted, total * scale)
            if total and free * scale < least:
                evicts.append(f"{signal} is {free / total:.0%}, below {wanted}")
            elif total and free * scale < least * NEAR:
                near.append(f"{signal} is {free / total:.0%}, near {wanted}")
            elif scale > 1 and total:
                shown.append(f"{free / total:.0%} of {path}")
    if evicts:
        return failed(f"the kubelet would evict Pods: {'; '.join(evicts)}")
    return warning("; ".join(near)) if near else ok(f"free: {', '.join(shown)}")


def _bounds(node: EdgeNode) -> dict[str, Any]:
    """Signal → threshold. The user's own thresholds replace all defaults, unless configured otherwise."""
    own = node.kubelet_config.get("evictionHard")
    if not isinstance(own, dict):
        return DEFAULTS
    return (DEFAULTS if node.kubelet_config.get("mergeDefaultEvictionSettings") else {}) | own


def _measure(node: EdgeNode, flag: str, path: str) -> tuple[int, int]:
    """Total and free space in df's units; zeros if unknown."""
    lines = node.host.ask("df", flag, path).out.splitlines()
    columns = lines[-1].split() if len(lines) > 1 else []
    numbers = [int(each) if each.isdecimal() else 0 for each in columns[1:4]]
    return (numbers[0], numbers[2]) if len(numbers) == 3 else (0, 0)


def _kept(node: EdgeNode) -> Outcome:
    subnets = SUBNET.rpartition("/")[0]
    paths = (CACHE, SNAPSHOT, *((ADDRESSES, subnets) if node.has_flannel else ()), KUBELET, RUNTIME)
    lines = node.host.ask("stat", "-f", "-c", "%T %n", *paths).out.splitlines()
    lost = [path for kind, _, path in (line.partition(" ") for line in lines) if kind in IN_MEMORY]
    return failed(f"only in memory: {', '.join(lost)}") if lost else ok("everything is on a disk")


DISK_CHECKS = (
    Check(
        "disk-free",
        GROUP,
        "free space is above the kubelet's eviction thresholds",
        _free,
        hint=f"free some space, or set `evictionHard` in {KUBELET_CONFIG}",
    ),
    Check(
        "disk-kept",
        GROUP,
        "the stored state survives a boot",
        _kept,
        hint="mount a disk there: data in memory is lost in a power cut",
    ),
)
