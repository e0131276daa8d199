"""The package's containerd as a systemd unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import PhaseError
from edgeadm.hosts import facts
from edgeadm.node.files import difference, renderer, write_files
from edgeadm.node.paths import RUNTIME_CONFIG
from edgeadm.node.state import RUNTIME, runtime_is_ours
from edgeadm.node.units import CONTAINERD_FILE, start_at_boot

CRI_PLUGINS = ("io.containerd.grpc.v1", "io.containerd.cri.v1")


@dataclass(frozen=True)
class Runtime(Phase):
    """The package's containerd as a unit configured for the kubelet, tested before use.

    The host's own containerd is not changed: preflight has checked it.
    """

    name: str = RUNTIME
    summary: str = "configure and start containerd"
    leaves: ClassVar[Leaves] = Leaves(
        units=(Unit("containerd", CONTAINERD_FILE),),
        places=("/var/lib/containerd", "/run/containerd", "/run/nri", "/opt/containerd"),
        shared=("/etc/containerd",),
    )

    def check(self, ctx: Context) -> Verdict:
        if ctx.config.ignore_runtime:
            return Verdict(needed=False, reason="the runtime was left to the user")
        if not runtime_is_ours(ctx):
            return Verdict(needed=False, reason="the host's own containerd is used")
        if differs := difference(ctx, _files(ctx)):
            return Verdict(needed=True, reason=differs)
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before containerd answered")
        if not _enabled(ctx) or not answers(ctx):
            return Verdict(needed=True, reason="containerd is not running")
        return Verdict(needed=False, reason="containerd responds")

    def apply(self, ctx: Context) -> None:
        write_files(ctx, _files(ctx))
        start_at_boot(ctx, "containerd")
        ctx.host.run("systemctl", "restart", "containerd")
        if ctx.host.ask("systemctl", "is-active", "--quiet", "containerd").code == 0 and not answers(ctx):
            raise PhaseError(
                "containerd is running, but its CRI plugin is not",
                context=ctx.host.ask("journalctl", "-u", "containerd", "-n", "20", "--no-pager").out,
                hint="`ctr plugins ls` shows which plugin failed",
            )


def answers(ctx: Context) -> bool:
    """Whether containerd answers and its CRI plugin is up."""
    lines = ctx.host.ask("ctr", "plugins", "ls", timeout=20).out.splitlines()
    states = {line.split()[0]: line.split()[-1] for line in lines if line.startswith(CRI_PLUGINS)}
    return bool(states) and all(state == "ok" for state in states.values())


def pause_image(ctx: Context) -> str:
    """The sandbox image that the package holds for this Kubernetes version."""
    return ctx.package.image_named("pause") if ctx.package else ""


def _files(ctx: Context) -> dict[str, bytes]:
    values = {
        "pause_image": pause_image(ctx),
        "can_lower_oom_score": facts.can_lower_oom_score(ctx.host),
    }
    render = renderer(ctx)
    return {
        RUNTIME_CONFIG: render.text("runtime/containerd.toml", values).encode(),
        CONTAINERD_FILE: render.text("systemd/containerd.service", values).encode(),
    }


def _enabled(ctx: Context) -> bool:
    return ctx.host.ask("systemctl", "is-enabled", "--quiet", "containerd").code == 0
