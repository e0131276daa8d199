"""Runs the steps of a workflow: plan, apply."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from edgeadm.core.phase import Context, Verdict
from edgeadm.core.restore import prune
from edgeadm.core.workflow import Step, Workflow


class Report(Protocol):
    """Receives the progress of a run: the console, a JSON document, a test."""

    def begin(self, path: str, verdict: Verdict) -> None: ...

    def line(self, path: str, text: str) -> None: ...

    def end(self, path: str, result: str, seconds: float) -> None: ...


@dataclass(frozen=True)
class Run:
    """One workflow on one context. The journal is the context's own."""

    workflow: Workflow
    ctx: Context
    report: Report

    def plan(self, steps: list[Step]) -> Iterator[tuple[str, Verdict]]:
        """The verdict of each phase (read-only)."""
        for step in steps:
            yield step.path, self._check(step, self._entered(step))

    def apply(self, steps: list[Step]) -> int:
        """Run the needed phases in order; returns the number of phases with changes."""
        changed = sum(self._step(step) for step in steps)
        self.ctx.journal.complete()
        prune(self.ctx.journal)
        return changed

    def _step(self, step: Step) -> bool:
        ctx = replace(self._entered(step), say=lambda text: self.report.line(step.path, text))
        start = time.monotonic()
        verdict = self._check(step, ctx)
        self.report.begin(step.path, verdict)
        if verdict.needed:
            self._do(step, ctx, start)
        self.report.end(step.path, "done" if verdict.needed else "unneeded", time.monotonic() - start)
        return verdict.needed

    def _do(self, step: Step, ctx: Context, start: float) -> None:
        lacking = step.phase.lacks(ctx)
        if lacking:
            ctx.wait.postpone(step.path, lacking)
            return
        journal = self.ctx.journal
        journal.begin()
        try:
            step.phase.apply(ctx)
            ctx.forget()
        except (Exception, KeyboardInterrupt):
            journal.end("failed")
            self.report.end(step.path, "failed", time.monotonic() - start)
            raise
        journal.end("done")

    def _check(self, step: Step, ctx: Context) -> Verdict:
        reason = step.why_not(ctx.config)
        return Verdict(needed=False, reason=reason) if reason else step.phase.check(ctx)

    def _entered(self, step: Step) -> Context:
        """The context of this step, to which later journal records belong."""
        journal = self.ctx.journal
        journal.verb, journal.phase = self.workflow.name, step.path
        return replace(self.ctx, interrupted=journal.unfinished(self.workflow.name, step.path))
