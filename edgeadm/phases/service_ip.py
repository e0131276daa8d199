from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import PhaseError
from edgeadm.hosts import Host, facts
from edgeadm.package.opened import OpenPackage
from edgeadm.phases.common import difference, renderer, start_at_boot, write_files
from edgeadm.phases.kernel_state import State
from edgeadm.phases.lite_files import FOLDER, place_of
from edgeadm.phases.membership import cluster_facts, known_facts

RULES = f"{FOLDER}/service-ip.nft"
SERVICE = "edgeadm-service-ip"
UNIT = f"/etc/systemd/system/{SERVICE}.service"
TABLE = "edgeadm"
FAMILIES = ("ip", "ip6")
TOOL = "/usr/lib/edgeadm/edge/nft"
PACKED_TOOL = "tools/edge/nft"


@dataclass(frozen=True)
class ServiceIp(Phase):
    """Redirects the ClusterIP of the Service `kubernetes` to this node's own lite-apiserver: for kube-proxy,
    which can then start without the cloud, and for Pods that use the API. One nftables table with priority
    over kube-proxy's rules, created at each boot before the kubelet starts."""

    name: str = "service-ip"
    summary: str = "redirect the ClusterIP of the Service `kubernetes` to lite-apiserver"
    leaves: ClassVar[Leaves] = Leaves(
        units=(Unit(SERVICE, UNIT),), tables=tuple(f"{family} {TABLE}" for family in FAMILIES)
    )

    def check(self, ctx: Context) -> Verdict:
        if cluster_facts(ctx) is None:
            return Verdict(needed=True, reason="nothing is installed yet")
        if differs := difference(ctx, _files(ctx)):
            return Verdict(needed=True, reason=differs)
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before the rules were there")
        for question in ("is-enabled", "is-active"):
            if ctx.host.ask("systemctl", question, "--quiet", SERVICE).code != 0:
                return Verdict(needed=True, reason=f"the unit {SERVICE} is not running")
        if ctx.host.ask(_nft(ctx), "list", "table", _family(ctx), TABLE).code != 0:
            return Verdict(needed=True, reason=f"the nftables table {TABLE} was deleted")
        return Verdict(
            needed=False, reason="lite-apiserver responds at the ClusterIP of the Service `kubernetes`"
        )

    def apply(self, ctx: Context) -> None:
        write_files(ctx, _files(ctx))
        start_at_boot(ctx, SERVICE)
        ctx.host.run("systemctl", "restart", SERVICE)


def states(ctx: Context) -> Iterator[State]:
    """What the unit makes in the kernel: a rule for packets that come in, one for those of the node."""
    if ctx.host.stat(RULES) is None:
        return
    show = (_nft(ctx), "list", "table", _family(ctx), TABLE)
    leads = f"daddr {known_facts(ctx).service_ip} tcp dport 443 dnat to {_place(ctx)}"
    yield State("the rules of the Service `kubernetes`", show, leads, ("systemctl", "reload", SERVICE), 2)


def _place(ctx: Context) -> str:
    return place_of(known_facts(ctx), ctx.config.join.lite_apiserver_port)


def _files(ctx: Context) -> dict[str, bytes]:
    known = known_facts(ctx)
    values = {
        "family": _family(ctx),
        "table": TABLE,
        "service_ip": known.service_ip,
        "place": _place(ctx),
        "nft": _nft(ctx),
        "rules": RULES,
    }
    render = renderer(ctx)
    return {
        RULES: render.text("edge/service-ip.nft", values).encode(),
        UNIT: render.text("systemd/edgeadm-service-ip.service", values).encode(),
    }


def _family(ctx: Context) -> str:
    return "ip6" if ":" in known_facts(ctx).service_ip else "ip"


def nft_program(host: Host, package: OpenPackage | None = None) -> str:
    """The path of nft: the package's, else the system's. Raises PhaseError if it is missing."""
    if (package and package.has(PACKED_TOOL)) or host.stat(TOOL) is not None:
        return TOOL
    if facts.has_program(host, "nft"):
        return "/usr/sbin/nft"
    raise PhaseError(
        "nft is neither installed nor in the package",
        hint="pass `--install-pkg-path`, or install nftables from your distribution",
    )


def _nft(ctx: Context) -> str:
    return nft_program(ctx.host, ctx.package)
