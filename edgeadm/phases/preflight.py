from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.common import is_control_plane, kubernetes_version, resuming
from edgeadm.preflight.check import Check, Finding, failure, run_checks, warning_line
from edgeadm.preflight.network import NETWORK_CHECKS
from edgeadm.preflight.node import NODE_CHECKS
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.supply import SUPPLY_CHECKS

INIT_CHECKS: tuple[Check, ...] = NODE_CHECKS + NETWORK_CHECKS + SUPPLY_CHECKS


@dataclass(frozen=True)
class Preflight:
    """Looks at everything that could stop a later phase, and names all of it at once. Changes nothing."""

    checks: tuple[Check, ...]
    name: str = "preflight"
    summary: str = "check that this machine can become the node"

    def check(self, ctx: Context) -> Verdict:
        if is_control_plane(ctx):
            return Verdict(needed=False, reason="this node is a control plane already")
        return Verdict(needed=True, reason=f"{len(self.checks)} checks")

    def apply(self, ctx: Context) -> None:
        errors, warnings = self.findings(ctx)
        for finding in warnings:
            ctx.warn(warning_line(finding))
        if errors:
            raise failure(errors)

    def undo(self, ctx: Context) -> None:
        """There is nothing to take back."""

    def findings(self, ctx: Context) -> tuple[list[Finding], list[Finding]]:
        """Errors and warnings of all checks."""
        subject = Subject(
            kubernetes=ctx.package.manifest.kubernetes if ctx.package else _installed(ctx),
            package=ctx.package,
            resuming=resuming(ctx),
            ours=ctx.journal.ours,
        )
        return run_checks(self.checks, ctx.host, ctx.config, subject)


def _installed(ctx: Context) -> str:
    """The host's own version; where it has none, a check says so, and the oldest one asks for least."""
    from edgeadm.hosts import facts
    from edgeadm.kubeadm.compat import OLDEST

    return (facts.kubeadm_version(ctx.host) and kubernetes_version(ctx)) or f"v{OLDEST[0]}.{OLDEST[1]}.0"
