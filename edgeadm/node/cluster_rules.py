"""iptables chains of a cluster on this host."""

from __future__ import annotations

from edgeadm.core.phase import Context
from edgeadm.hosts import iptables
from edgeadm.node.cni_files import NETWORK

# The default first; then the backend that the default is not.
VARIANTS = (
    "iptables",
    "ip6tables",
    "iptables-legacy",
    "ip6tables-legacy",
    "iptables-nft",
    "ip6tables-nft",
)


def chains_left(ctx: Context) -> int:
    """The number of chains of the cluster in all backends."""
    return sum(
        removal(ctx, variant).count("\n-X ")
        for variant in VARIANTS
        if not variant.endswith("-nft") or not removal(ctx, variant.removesuffix("-nft"))
    )


def removal(ctx: Context, variant: str) -> str:
    """The input of `iptables-restore` that removes the chains of one variant; empty if there are none."""
    answer = ctx.host.ask(f"{variant}-save")
    return iptables.removal(answer.out, NETWORK) if answer.code == 0 else ""
