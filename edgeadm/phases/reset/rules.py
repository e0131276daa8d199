"""Removal of the cluster's iptables and nftables rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import iptables
from edgeadm.node import baseline, ownership
from edgeadm.node.cluster_rules import VARIANTS, chains_left, removal


@dataclass(frozen=True)
class RemoveRules(Phase):
    """Removes the chains of kube-proxy, kubelet, flannel and the CNI plugins, and the jumps to them. Other
    rules are not changed."""

    name: str = "rules"
    summary: str = "remove the cluster's iptables and nftables rules"

    def check(self, ctx: Context) -> Verdict:
        if not ownership.had_cluster(ctx):
            return Verdict(needed=False, reason="edgeadm added no cluster rules on this host")
        chains, tables = chains_left(ctx), [*_cluster_tables(ctx), *_idle(ctx)]
        if not chains and not tables:
            return Verdict(needed=False, reason="no iptables chain or nftables table of the cluster is left")
        return Verdict(needed=True, reason=f"{chains + len(tables)} chains and tables of the cluster")

    def apply(self, ctx: Context) -> None:
        for variant in VARIANTS:
            wanted = removal(ctx, variant)
            if wanted:
                ctx.host.run(f"{variant}-restore", "--noflush", stdin=wanted.encode())
        for what in [*_cluster_tables(ctx), *_idle(ctx)]:
            ctx.host.run("nft", "delete", *what)


def _cluster_tables(ctx: Context) -> Iterator[list[str]]:
    """Tables that only kube-proxy or flannel makes, as words for `nft`."""
    for table in baseline.packet_filter(ctx) or {}:
        if table in ctx.inventory.tables:
            yield ["table", *table.split()]


def _idle(ctx: Context) -> Iterator[list[str]]:
    """iptables' own tables and chains that were not there before edgeadm and hold no rule now."""
    known: dict[str, list[str]] | None = baseline.remembered(ctx).get("tables")
    if known is None:
        return
    for table, chains in (baseline.packet_filter(ctx) or {}).items():
        if table in baseline.TABLES and table not in known:
            if _is_idle(ctx, "table", *table.split()):
                yield ["table", *table.split()]
        elif table in baseline.TABLES:
            for chain in chains:
                if chain not in known[table] and _is_idle(ctx, "chain", *table.split(), chain):
                    yield ["chain", *table.split(), chain]


def _is_idle(ctx: Context, *what: str) -> bool:
    """Whether it holds nothing, and is one that packets reach by themselves: no rule can need it."""
    content = ctx.host.ask("nft", "list", *what).out
    return iptables.is_idle(content) and ("table" in what or "type " in content)
