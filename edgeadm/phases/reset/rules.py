from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.hosts import iptables
from edgeadm.phases import before
from edgeadm.phases.reset import knowledge, made

# The default first; then the backend that the default is not.
VARIANTS = (
    "iptables",
    "ip6tables",
    "iptables-legacy",
    "ip6tables-legacy",
    "iptables-nft",
    "ip6tables-nft",
)


@dataclass(frozen=True)
class RemoveRules:
    """Removes the chains of kube-proxy, kubelet, flannel and the CNI plugins, and the jumps to them. No other
    rule is touched, and none is written anew."""

    name: str = "rules"
    summary: str = "remove the cluster's packet filter chains"

    def check(self, ctx: Context) -> Verdict:
        if not knowledge.had_cluster(ctx):
            return Verdict(needed=False, reason="no cluster made rules here for edgeadm")
        chains, tables = chains_left(ctx), [*_cluster_tables(ctx), *_empty_tables(ctx)]
        if not chains and not tables:
            return Verdict(needed=False, reason="the packet filter holds nothing of the cluster")
        return Verdict(needed=True, reason=f"{chains} chains and {len(tables)} tables of the cluster")

    def apply(self, ctx: Context) -> None:
        for variant in VARIANTS:
            wanted = _removal(ctx, variant)
            if wanted:
                ctx.host.run(f"{variant}-restore", "--noflush", stdin=wanted.encode())
        for table in [*_cluster_tables(ctx), *_empty_tables(ctx)]:
            ctx.host.run("nft", "delete", "table", *table.split())

    def undo(self, ctx: Context) -> None:
        """What reset did stays done."""


def chains_left(ctx: Context) -> int:
    """How many chains of the cluster there are, in whatever backend."""
    return sum(
        _removal(ctx, variant).count("\n-X ")
        for variant in VARIANTS
        if not variant.endswith("-nft") or not _removal(ctx, variant.removesuffix("-nft"))
    )


def _removal(ctx: Context, variant: str) -> str:
    answer = ctx.host.ask(f"{variant}-save")
    return iptables.removal(answer.out, made.CNI_NETWORK) if answer.code == 0 else ""


def _cluster_tables(ctx: Context) -> list[str]:
    return [table for table in before.nft_tables(ctx) or [] if table in made.NFT_TABLES]


def _empty_tables(ctx: Context) -> Iterator[str]:
    """iptables' own tables that were not there before edgeadm and hold no rule now."""
    known = before.remembered(ctx).get("tables")
    if known is None:
        return
    for table in before.nft_tables(ctx) or []:
        if table in before.TABLES and table not in known:
            content = ctx.host.ask("nft", "list", "table", *table.split()).out
            if _is_empty(content):
                yield table


def _is_empty(content: str) -> bool:
    """Whether a table holds only iptables' built-in chains, without a rule and letting everything pass."""
    lines = [line.strip() for line in content.splitlines() if line.strip() and not line.startswith("#")]
    inside = [line for line in lines if line != "}" and not line.startswith("table ")]
    kinds = ("chain ", "type ")
    return bool(lines) and all(
        line.startswith(kinds) and ("policy" not in line or "policy accept;" in line) for line in inside
    )
