"""Checks before `init` changes anything."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.checks.engine import Check, Finding, run_checks
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.state import is_control_plane
from edgeadm.phases import kubeadm_config
from edgeadm.preflight.every import kubernetes_of, planned
from edgeadm.preflight.report import failure, judged, warning_line
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.supply import CONTENT_CHECKS


@dataclass(frozen=True)
class Preflight(Phase):
    """Checks for everything that could stop a later phase, and reports all findings together. The package is
    verified last, if all other checks passed."""

    checks: tuple[Check[Subject], ...]
    content: tuple[Check[Subject], ...] = CONTENT_CHECKS
    name: str = "preflight"
    summary: str = "check that this host meets the requirements"

    def check(self, ctx: Context) -> Verdict:
        if is_control_plane(ctx):
            return Verdict(needed=False, reason="this node is a control plane already")
        return Verdict(needed=True, reason=f"{len(self.checks)} checks")

    def apply(self, ctx: Context) -> None:
        if kubernetes_of(ctx.package, ctx.host):
            kubeadm_config.text(ctx)  # a configuration that this kubeadm cannot read is refused here
        self.report(ctx)

    def report(self, ctx: Context) -> None:
        """Show the warnings. Raises PreflightError with all errors; the content of the package is checked
        only if there is no other error."""
        report(ctx, self.every(ctx), self.role(ctx))
        report(ctx, self.content, self.role(ctx))

    def role(self, ctx: Context) -> str:  # noqa: ARG002
        """What this machine is to be."""
        return "control-plane"

    def every(self, ctx: Context) -> tuple[Check[Subject], ...]:  # noqa: ARG002
        """The checks for that."""
        return self.checks

    def findings(self, ctx: Context) -> tuple[list[Finding], list[Finding]]:
        """Errors and warnings of all checks, including those of the package's content."""
        return findings(ctx, self.every(ctx) + self.content, self.role(ctx))


def report(ctx: Context, checks: tuple[Check[Subject], ...], role: str) -> None:
    """Run the checks for a node of this role and show the warnings. Raises PreflightError with all errors, or
    the cause of a single error."""
    errors, warnings = findings(ctx, checks, role)
    for finding in warnings:
        ctx.warn(warning_line(finding))
    if errors:
        raise failure(errors)


def findings(
    ctx: Context, checks: tuple[Check[Subject], ...], role: str
) -> tuple[list[Finding], list[Finding]]:
    """Errors and warnings of the checks for a node of this role."""
    subject = planned(ctx.host, ctx.config, ctx.journal, ctx.package, role, say=ctx.say)
    return judged(run_checks(checks, subject), ctx.config)
