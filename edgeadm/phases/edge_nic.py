from __future__ import annotations

from dataclasses import dataclass

from edgeadm.config.ticket import is_edge
from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.common import renderer, start_at_boot
from edgeadm.phases.lite_files import LINK
from edgeadm.phases.membership import cluster_facts, known_facts

UNIT = "/etc/systemd/system/edge-nic.service"
SERVICE = "edge-nic"


@dataclass(frozen=True)
class EdgeNic:
    """The link that holds the virtual address, made anew at each boot before anything needs it."""

    name: str = "nic"
    summary: str = "give the node the edge's virtual address"

    def check(self, ctx: Context) -> Verdict:
        if not is_edge(ctx.config):
            return Verdict(needed=False, reason="this is not to be an edge node")
        if cluster_facts(ctx) is None or ctx.host.read(UNIT) != _unit(ctx):
            return Verdict(needed=True, reason=f"{UNIT} is missing or differs")
        if ctx.journal.unfinished(ctx.journal.verb, "edge/nic"):
            return Verdict(needed=True, reason="an earlier run was cut off before the address was there")
        for question in ("is-enabled", "is-active"):
            if ctx.host.ask("systemctl", question, "--quiet", SERVICE).code != 0:
                return Verdict(needed=True, reason=f"the unit {SERVICE} does not run")
        return Verdict(needed=False, reason="the virtual address is there")

    def apply(self, ctx: Context) -> None:
        if not is_edge(ctx.config):
            return
        ctx.host.write(UNIT, _unit(ctx))
        start_at_boot(ctx, SERVICE)
        ctx.host.run("systemctl", "restart", SERVICE)

    def undo(self, ctx: Context) -> None:
        if ctx.journal.ours(UNIT):
            ctx.host.run("systemctl", "disable", "--now", "--quiet", SERVICE)


def _unit(ctx: Context) -> bytes:
    values = {"link": LINK, "address": known_facts(ctx).virtual_address}
    return renderer(ctx).text("systemd/edge-nic.service", values).encode()
