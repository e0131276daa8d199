from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.cni import CONFLIST, conflist


@dataclass(frozen=True)
class JoinPodNetwork:
    """The configuration that containerd needs for flannel. flannel's own Pod comes with the cluster."""

    name: str = "cni"
    summary: str = "write the pod network's configuration"

    def check(self, ctx: Context) -> Verdict:
        if ctx.config.cni != "flannel":
            return Verdict(needed=False, reason=f"`--cni {ctx.config.cni}`: it brings its own configuration")
        if ctx.host.read(CONFLIST) != conflist(ctx):
            return Verdict(needed=True, reason=f"{CONFLIST} is missing or differs")
        return Verdict(needed=False, reason=f"{CONFLIST} is in place")

    def apply(self, ctx: Context) -> None:
        wanted = conflist(ctx)
        if ctx.config.cni == "flannel" and wanted is not None:
            ctx.host.write(CONFLIST, wanted)

    def undo(self, ctx: Context) -> None:
        """The journal removes the file."""
