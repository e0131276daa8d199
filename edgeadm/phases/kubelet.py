"""The kubelet's systemd unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.config.ticket import is_edge
from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.files import difference, renderer, write_files
from edgeadm.node.units import KUBELET_DROP_IN, KUBELET_FILE, start_at_boot

PACKAGED = ("/usr/lib/systemd/system/kubelet.service", "/lib/systemd/system/kubelet.service")


@dataclass(frozen=True)
class Kubelet(Phase):
    """The kubelet's unit, with kubeadm's drop-in. kubeadm itself starts it."""

    name: str = "kubelet"
    summary: str = "install the kubelet's systemd unit"
    # It stops first: it would start Pods again.
    leaves: ClassVar[Leaves] = Leaves(units=(Unit("kubelet", KUBELET_FILE, stops=-1),))

    def check(self, ctx: Context) -> Verdict:
        if differs := difference(ctx, _files(ctx)):
            return Verdict(needed=True, reason=differs)
        if ctx.host.ask("systemctl", "is-enabled", "--quiet", "kubelet").code != 0:
            return Verdict(needed=True, reason="the kubelet is not enabled at boot")
        return Verdict(needed=False, reason="the kubelet's unit is installed")

    def apply(self, ctx: Context) -> None:
        write_files(ctx, _files(ctx))
        start_at_boot(ctx, "kubelet")


def _files(ctx: Context) -> dict[str, bytes]:
    """Nothing where the distribution's package brought its own unit, but on an edge node: there it must not
    wait until the network is online."""
    at_edge = ctx.journal.verb == "join" and is_edge(ctx.config)
    if not at_edge and any(ctx.host.stat(path) is not None for path in PACKAGED):
        return {}
    render = renderer(ctx)
    return {
        KUBELET_FILE: render.text("systemd/kubelet.service", {}).encode(),
        KUBELET_DROP_IN: render.text("systemd/10-kubeadm.conf", {}).encode(),
    }
