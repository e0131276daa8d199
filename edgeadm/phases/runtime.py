"""The package's containerd as a systemd unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context
from edgeadm.errors import PhaseError
from edgeadm.hosts import facts
from edgeadm.hosts.units import not_ready
from edgeadm.node.files import Files, renderer, with_mode
from edgeadm.node.paths import RUNTIME_CONFIG
from edgeadm.node.state import RUNTIME, runtime_is_ours
from edgeadm.node.units import CONTAINERD, CONTAINERD_FILE
from edgeadm.phases.unit import UnitPhase

CRI_PLUGINS = ("io.containerd.grpc.v1", "io.containerd.cri.v1")


@dataclass(frozen=True)
class Runtime(UnitPhase):
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
    at_boot: ClassVar[tuple[str, ...]] = (CONTAINERD,)
    done: ClassVar[str] = "containerd responds"
    cut_off: ClassVar[str] = "before containerd answered"

    def files(self, ctx: Context) -> Files:
        values = {
            "pause_image": pause_image(ctx),
            "can_lower_oom_score": facts.can_lower_oom_score(ctx.host),
        }
        render = renderer(ctx)
        return with_mode(
            {
                RUNTIME_CONFIG: render.text("runtime/containerd.toml", values).encode(),
                CONTAINERD_FILE: render.text("systemd/containerd.service", values).encode(),
            }
        )

    def superfluous(self, ctx: Context) -> str:
        if ctx.config.ignore_runtime:
            return "the runtime was left to the user"
        return "" if runtime_is_ours(ctx) else "the host's own containerd is used"

    def fault(self, ctx: Context) -> str:
        return "" if answers(ctx) else "containerd is not running"

    def start(self, ctx: Context) -> None:
        super().start(ctx)
        if not answers(ctx) and not not_ready(ctx.host, CONTAINERD):
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
