"""The redirection of the ClusterIP of the Service `kubernetes` on an edge node, and nft, which makes it."""

from __future__ import annotations

from collections.abc import Iterator

from edgeadm.core.phase import Context
from edgeadm.errors import PhaseError
from edgeadm.hosts import Host, facts
from edgeadm.node.kernel_state import State
from edgeadm.node.lite_files import FOLDER, place_of
from edgeadm.node.membership import known_facts
from edgeadm.node.units import SERVICE_IP
from edgeadm.package.opened import OpenPackage

RULES = f"{FOLDER}/service-ip.nft"
TABLE = "edgeadm"
FAMILIES = ("ip", "ip6")
TOOL = "/usr/lib/edgeadm/edge/nft"
PACKED_TOOL = "tools/edge/nft"


def states(ctx: Context) -> Iterator[State]:
    """The kernel state that the unit creates: a rule for incoming packets, and one for those of the node."""
    if ctx.host.stat(RULES) is None:
        return
    show = (own_nft(ctx), "list", "table", family(ctx), TABLE)
    leads = f"daddr {known_facts(ctx).service_ip} tcp dport 443 dnat to {place(ctx)}"
    restore = ("systemctl", "reload", SERVICE_IP)
    yield State("the rules of the Service `kubernetes`", show, leads, restore, 2)


def place(ctx: Context) -> str:
    """ADDRESS:PORT of this node's lite-apiserver, from the flags of this run."""
    return place_of(known_facts(ctx), ctx.config.join.lite_apiserver_port)


def family(ctx: Context) -> str:
    """The family of the ClusterIP as nft names it."""
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


def own_nft(ctx: Context) -> str:
    """The path of nft that this node has, or gets from the package. Raises PhaseError."""
    return nft_program(ctx.host, ctx.package)
