"""The kubelet's systemd unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.config.ticket import is_edge
from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context
from edgeadm.node.files import Files, renderer, with_mode
from edgeadm.node.units import KUBELET, KUBELET_DROP_IN, KUBELET_FILE
from edgeadm.phases.unit import UnitPhase

PACKAGED = ("/usr/lib/systemd/system/kubelet.service", "/lib/systemd/system/kubelet.service")


@dataclass(frozen=True)
class Kubelet(UnitPhase):
    """The kubelet's unit, with kubeadm's drop-in. kubeadm itself starts it."""

    name: str = "kubelet"
    summary: str = "install the kubelet's systemd unit"
    # It stops first: it would start Pods again.
    leaves: ClassVar[Leaves] = Leaves(units=(Unit("kubelet", KUBELET_FILE, stops=-1),))
    at_boot: ClassVar[tuple[str, ...]] = (KUBELET,)
    resting: ClassVar[tuple[str, ...]] = (KUBELET,)
    done: ClassVar[str] = "the kubelet's unit is installed"

    def files(self, ctx: Context) -> Files:
        return with_mode(_files(ctx))

    def start(self, ctx: Context) -> None:
        """Nothing: kubeadm starts it."""


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
