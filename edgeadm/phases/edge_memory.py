"""Units that keep an edge node able to start without the cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context
from edgeadm.node import service_ip, service_routes
from edgeadm.node.files import Files, renderer, with_mode
from edgeadm.node.kernel_state import FILE as KERNEL
from edgeadm.node.kernel_state import document
from edgeadm.node.lite_files import AUTHORITY, CACHE, LINK, PAIR, address_of
from edgeadm.node.membership import CLIENT, has_credentials, known_facts
from edgeadm.node.name import node_name
from edgeadm.node.offline_files import (
    ADDRESSES,
    HELPER,
    KUBELET,
    RESERVATIONS,
    SCRATCH,
    SNAPSHOT,
    SUBNET,
    has_helper,
)
from edgeadm.node.units import KEEP, KEEP_FILE, REPAIR, REPAIR_FILE
from edgeadm.phases import node as prepared
from edgeadm.phases.unit import EdgeUnit

# What the container runtime and its plugins wrote of Pods that did not survive the boot.
LEFTOVERS = (RESERVATIONS, SCRATCH, "/var/lib/cni/results", "/var/lib/cni/flannel", "/var/lib/cni/networks")


@dataclass(frozen=True)
class EdgeMemory(EdgeUnit):
    """Two units for an edge node that works offline. One copies the node's state as it changes, restores
    kernel state that other programs flush, and holds the node's address while no network interface has it.
    The other one repairs damage of a power cut at each boot."""

    name: str = "memory"
    summary: str = "store the state that this node needs to start without the cloud"
    # The others start after the unit that repairs: it stops last.
    leaves: ClassVar[Leaves] = Leaves(units=(Unit(REPAIR, REPAIR_FILE, stops=1), Unit(KEEP, KEEP_FILE)))
    at_boot: ClassVar[tuple[str, ...]] = (REPAIR, KEEP)
    resting: ClassVar[tuple[str, ...]] = (REPAIR,)
    done: ClassVar[str] = "the node's state is stored"

    def files(self, ctx: Context) -> Files:
        return with_mode(_files(ctx))

    def superfluous(self, ctx: Context) -> str:
        return "" if has_helper(ctx) else f"{HELPER} is missing, which would store it"

    def start(self, ctx: Context) -> None:
        if not has_credentials(ctx):
            # Not where Pods may run already: it takes away what their network was given.
            ctx.host.run("systemctl", "start", REPAIR)
        ctx.host.run("systemctl", "restart", KEEP)

    def apply(self, ctx: Context) -> None:
        if self.superfluous(ctx):
            ctx.warn(f"{HELPER} is missing: after a power cut this node may not start without the cloud")
        super().apply(ctx)


def _files(ctx: Context) -> dict[str, bytes]:
    values = {
        "helper": HELPER,
        "cache": CACHE,
        "snapshot": SNAPSHOT,
        "subnet": SUBNET,
        "addresses": ADDRESSES,
        "kubelet": KUBELET,
        "leftovers": LEFTOVERS,
        # What is valid from a later day on than the clock says, tells that the clock is behind.
        "certificates": (PAIR, CLIENT),
        "server": address_of(known_facts(ctx), ctx.config.join.lite_apiserver_port),
        "client": CLIENT,
        "authority": AUTHORITY,
        "node": node_name(ctx),
        "kernel": KERNEL,
        "link": LINK,
    }
    render = renderer(ctx)
    states = (*service_routes.states(known_facts(ctx)), *service_ip.states(ctx), *prepared.states(ctx))
    return {
        KERNEL: document(states),
        REPAIR_FILE: render.text("systemd/edgeadm-repair.service", values).encode(),
        KEEP_FILE: render.text("systemd/edgeadm-keep.service", values).encode(),
    }
