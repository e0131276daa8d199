"""Checks of a machine's system against the other machines and the requirements of the fleet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.fleet.crowd import Placed
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Role
from edgeadm.kubeadm.compat import KERNEL, kernel_too_old

GROUP = "system"
# kubeadm issues certificates that are valid since 5 minutes (constants.go, CertificateBackdate).
SKEW = 300.0
NOTABLE = 10.0
# etcd warns of more (server/etcdserver/api/rafthttp/probing_status.go).
PEERS = 1.0
# `systemd-run` appends the output of a unit to a file since this version (NEWS of systemd).
SYSTEMD = 240
PLACE = "/var/lib/edgeadm-fleet"
IMAGES = "/var/lib/containerd"
FILE = re.compile(r"[0-9a-f]{64}")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _skew(placed: Placed) -> Iterable[Outcome]:
    """To the median of the machines, so that a wrong clock of the controller is not a finding of each
    machine; to the controller, if fewer than three machines are known."""
    middle = placed.crowd.middle_clock
    off = placed.facts.clock - (middle or 0.0)
    to = "this host" if middle is None else "most machines"
    if abs(off) > SKEW:
        yield failed(f"the clock is {_seconds(off)} {to}: certificates would not be valid")
    elif abs(off) > NOTABLE:
        yield warning(f"the clock is {_seconds(off)} {to}")


def _spread(placed: Placed) -> Iterable[Outcome]:
    if placed.machine.role is not Role.CONTROL_PLANE:
        return
    others = placed.crowd.control_planes(placed.peer)
    far = max((abs(each.facts.clock - placed.facts.clock) for each in others), default=0.0)
    if far > PEERS:
        yield warning(f"the clocks of two control planes differ by {far:.1f} s")


def _controller(placed: Placed) -> Iterable[Outcome]:
    middle = placed.crowd.middle_clock
    if middle is not None and abs(middle) > SKEW:
        yield failed(f"the clocks of most machines are {_seconds(middle)} this host")


def _seconds(off: float) -> str:
    return f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'}"


def _package(placed: Placed) -> Iterable[Outcome]:
    known = placed.around.packages
    if known and placed.facts.arch not in known:
        yield failed(
            f"there is no package for {placed.facts.arch or 'the unknown architecture of the machine'}",
            f"add a package for {placed.facts.arch} to `packages`" if placed.facts.arch else "",
        )


def _space(placed: Placed) -> Iterable[Outcome]:
    """On one file system, the files of the fleet and those that `edgeadm join` unpacks need space together;
    the check DiskSpace of `edgeadm join` has only the latter."""
    facts, role = placed.facts, placed.machine.role
    free = value_at(facts.free_mib, PLACE)
    if free is None or placed.is_ours or _is_loaded(facts):
        return
    wanted = placed.around.space(facts.arch, role)
    here, there = (value_at(facts.devices, each) for each in (PLACE, IMAGES))
    unpacked = placed.around.unpacked(facts.arch, role) if here is not None and here == there else 0
    if unpacked and wanted <= free < wanted + unpacked:
        yield failed(
            f"{free} MiB are free for {PLACE} and {IMAGES}, which are on one file system; a machine with the "
            f"role {role} requires {wanted} MiB to load its files and {unpacked} MiB to unpack them"
        )
    elif free < wanted:
        yield failed(
            f"{free} MiB are free for {PLACE}, a machine with the role {placed.machine.role} requires "
            f"{wanted} MiB"
        )


def _is_loaded(facts: Facts) -> bool:
    """Whether an earlier run has stored the archive of edgeadm and a package, which need no space again."""
    return sum(FILE.fullmatch(each) is not None for each in facts.stored) > 1


def value_at(values: Mapping[str, int], path: str) -> int | None:
    """The value of the path, or of its nearest known parent; None if none is known."""
    above = (path, *(str(each) for each in PurePosixPath(path).parents))
    return next((values[each] for each in above if each in values), None)


def _hostname(placed: Placed) -> Iterable[Outcome]:
    """Only a warning: Nodes have the names of the document."""
    name = placed.facts.hostname
    if not all(LABEL.fullmatch(each) for each in name.split(".")) or len(name) > 253:
        yield warning(f"the host name `{name}` cannot be the name of a Node")
    elif name.startswith("localhost"):
        yield warning(f"the host name is `{name}`")


def _kernel(placed: Placed) -> Iterable[Outcome]:
    if kernel_too_old(placed.facts.kernel):
        yield failed(f"Linux {placed.facts.kernel} is older than {KERNEL}, which kubeadm requires")


def _systemd(placed: Placed) -> Iterable[Outcome]:
    if 0 < placed.facts.systemd < SYSTEMD:
        yield failed(f"systemd {placed.facts.systemd} is older than {SYSTEMD}")


SYSTEM_CHECKS = (
    Check(
        "ClockSkew",
        GROUP,
        "the clock agrees with those of the other machines",
        _skew,
        "set the clock, or start a time service such as chrony",
    ),
    Check(
        "ClockSpread",
        GROUP,
        "the clocks of control planes agree within a second",
        _spread,
        "start a time service such as chrony on all control planes: etcd compares their clocks",
    ),
    Check(
        "ControllerClock",
        GROUP,
        "the clock of the host that runs edgeadm agrees with those of the machines",
        _controller,
        "set the clock of this host: tokens and certificates would not be valid",
    ),
    Check(
        "PackageMissing",
        GROUP,
        "there is a package for the architecture",
        _package,
        "check the machine: its architecture could not be determined",
    ),
    Check(
        "FleetDiskSpace",
        GROUP,
        "there is disk space for edgeadm and the files of the role",
        _space,
        "free some space, or mount a separate disk at /var/lib",
    ),
    Check(
        "HostnameInvalid",
        GROUP,
        "the host name can be the name of a Node",
        _hostname,
        "set another one with `hostnamectl set-hostname NAME`",
    ),
    Check("KernelVersion", GROUP, "the kernel is recent enough", _kernel, "update the operating system"),
    Check("SystemdVersion", GROUP, "systemd is recent enough", _systemd, "update the operating system"),
)
