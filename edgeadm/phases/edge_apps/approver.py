"""The CSR approver for edge nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm.apps.facts import api_service_ip, domain, runs_on_control_planes
from edgeadm.apps.workloads import runs_somewhere, workload
from edgeadm.cluster import Awaited
from edgeadm.core.phase import Context, Verdict
from edgeadm.node.lite_files import addresses, names
from edgeadm.phases.edge_apps.component import Component

IMAGE = "edgeadm.io/approver"


@dataclass(frozen=True)
class Approver(Component):
    """The CSR approver for edge nodes: it approves only requests for lite-apiserver's serving certificate."""

    name: str = "approver"
    summary: str = "start the CSR approver for edge nodes"
    template: str = "addons/approver.yaml"
    awaited: tuple[Awaited, ...] = (
        workload("the CSR approver runs", "DaemonSet", "approver", runs_somewhere),
    )

    def check(self, ctx: Context) -> Verdict:
        if not _image(ctx):
            return Verdict(
                needed=False,
                reason=(
                    "without a package there is no CSR approver; approve the requests of edge nodes with "
                    "`kubectl certificate approve`"
                ),
            )
        return super().check(ctx)

    def values(self, ctx: Context) -> dict[str, Any]:
        return {
            "approver_image": _image(ctx),
            "control_planes": runs_on_control_planes(ctx),
            "addresses": addresses(ctx.config.edge_virtual_addr, api_service_ip(ctx)),
            "names": names(domain(ctx)),
        }


def _image(ctx: Context) -> str:
    """The approver's image, which only a package has."""
    return ctx.package.image_named(IMAGE) if ctx.package else ""
