"""Kernel modules and kernel parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import facts
from edgeadm.node.baseline import is_due, remember
from edgeadm.node.files import difference, renderer, with_mode
from edgeadm.node.kernel_state import State
from edgeadm.node.paths import MODULES_FILE, SYSCTL_FILE

MODULES = ("overlay", "br_netfilter", "nf_conntrack")
# `ip_forward` takes the others of its family along.
SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.default.forwarding",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.forwarding",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
)
INOTIFY = {"max_user_instances": 1024, "max_user_watches": 1048576}


@dataclass(frozen=True)
class PrepareNode(Phase):
    """Kernel modules and settings that the kubelet and pod networks require, now and after each boot."""

    name: str = "node"
    summary: str = "load kernel modules and set kernel parameters"
    leaves: ClassVar[Leaves] = Leaves(sysctls=SYSCTLS)

    def check(self, ctx: Context) -> Verdict:
        if is_due(ctx):
            return Verdict(needed=True, reason="the current settings are not recorded yet")
        if differs := difference(ctx, with_mode(_files(ctx))):
            return Verdict(needed=True, reason=differs)
        wanted = _settings(ctx)
        now = facts.sysctls(ctx.host, wanted)
        wrong = [name for name, value in wanted.items() if now.get(name) != value]
        if wrong:
            return Verdict(needed=True, reason=f"not set: {', '.join(wrong)}")
        return Verdict(needed=False, reason="modules and kernel parameters are set")

    def apply(self, ctx: Context) -> None:
        if is_due(ctx):
            remember(ctx)
        ctx.host.write_all(with_mode(_files(ctx)))
        if _missing_module(ctx):
            ctx.host.run("modprobe", "-a", *MODULES)
        ctx.host.run("sysctl", "-q", "-p", SYSCTL_FILE)


def states(ctx: Context) -> Iterator[State]:
    """Those of the kernel parameters without which Pods have no network."""
    for name, value in _settings(ctx).items():
        if name.startswith("net."):
            setting = f"{name}={value}"
            yield State(
                f"the kernel parameter {setting}",
                ("sysctl", name),
                f"{name} = {value}",
                ("sysctl", "-q", "-w", setting),
            )


def _files(ctx: Context) -> dict[str, bytes]:
    render = renderer(ctx)
    return {
        MODULES_FILE: render.text("node/modules.conf", {"modules": MODULES}).encode(),
        SYSCTL_FILE: render.text("node/sysctl.conf", {"inotify": _inotify(ctx)}).encode(),
    }


def _inotify(ctx: Context) -> dict[str, int]:
    """A larger value of the host is kept; values of edgeadm's own file do not count."""
    if ctx.journal.ours(SYSCTL_FILE):
        return INOTIFY
    wanted = {}
    found = facts.sysctls(ctx.host, (f"fs.inotify.{name}" for name in INOTIFY))
    for name, value in INOTIFY.items():
        now = found.get(f"fs.inotify.{name}", "")
        wanted[name] = max(value, int(now) if now.isdecimal() else 0)
    return wanted


def _settings(ctx: Context) -> dict[str, str]:
    lines = _files(ctx)[SYSCTL_FILE].decode().splitlines()
    pairs = (line.split("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _missing_module(ctx: Context) -> bool:
    signs = ("/sys/module/overlay", "/proc/sys/net/bridge", "/proc/sys/net/netfilter")
    return len(ctx.host.stat_all(signs)) < len(signs)
