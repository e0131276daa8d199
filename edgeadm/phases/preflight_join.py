"""Checks before `join` changes anything."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.checks.engine import Check
from edgeadm.config.ticket import role_of, ticket_of
from edgeadm.core.phase import Context, Verdict
from edgeadm.kubeadm.documents import refuse_unreadable
from edgeadm.node.membership import OtherClusterError, is_member, is_of
from edgeadm.phases.preflight import Preflight, report
from edgeadm.preflight.every import kubernetes_of, with_role
from edgeadm.preflight.subject import Subject


@dataclass(frozen=True)
class JoinPreflight(Preflight):
    """Checks for everything that could stop a later phase of a join, and reports all findings together. A
    host that is a node of another cluster is rejected in any case. `discover` verifies the package."""

    def check(self, ctx: Context) -> Verdict:
        if is_member(ctx) and is_of(ctx, ticket_of(ctx.config)):
            return Verdict(needed=False, reason="this node is in the cluster already")
        return Verdict(needed=True, reason=f"{len(self.every(ctx))} checks")

    def apply(self, ctx: Context) -> None:
        if is_member(ctx) and not is_of(ctx, ticket_of(ctx.config)):
            raise OtherClusterError(
                "this host is a node of another cluster",
                hint="remove it from that cluster with `edgeadm reset`, or pass that cluster's CA hash",
            )
        kubernetes = kubernetes_of(ctx.package, ctx.host)
        if kubernetes:
            refuse_unreadable(ctx.config.kubeadm_documents, kubernetes)
        report(ctx, self.every(ctx), self.role(ctx))

    def role(self, ctx: Context) -> str:
        return role_of(ctx.config)

    def every(self, ctx: Context) -> tuple[Check[Subject], ...]:
        return with_role(self.checks, ctx.config)
