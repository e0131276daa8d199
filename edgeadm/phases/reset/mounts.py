"""Volumes of Pods."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import facts
from edgeadm.node import ownership
from edgeadm.node.pods import MOUNTS

OURS = ("/var/lib/containerd/", "/run/containerd/")


@dataclass(frozen=True)
class Unmount(Phase):
    """Detaches the volumes of Pods, so that the removal of directories cannot reach into a volume."""

    name: str = "mounts"
    summary: str = "unmount the volumes of Pods"

    def check(self, ctx: Context) -> Verdict:
        found = mounted(ctx)
        if not found:
            return Verdict(needed=False, reason="no volume of a Pod is mounted")
        return Verdict(needed=True, reason=f"{len(found)} mounts of Pods")

    def apply(self, ctx: Context) -> None:
        for path in mounted(ctx):
            # Lazily: a volume whose server is gone must not hold us up.
            ctx.host.run("umount", "--lazy", path)


def mounted(ctx: Context) -> list[str]:
    """Mount points of pods, the inner ones first."""
    if not ownership.had_cluster(ctx):
        return []
    places = (*MOUNTS, *OURS) if ownership.owns_runtime(ctx) else MOUNTS
    return [path for path in reversed(facts.mount_points(ctx.host)) if path.startswith(places)]
