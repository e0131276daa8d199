"""Runs the steps of a workflow: plan, apply, undo."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from edgeadm.core.phase import Context, Verdict
from edgeadm.core.restore import restore
from edgeadm.core.workflow import Step, Workflow
from edgeadm.hosts import Host


class Report(Protocol):
    """Who is told how a run goes: the console, a JSON document, a test."""

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
        """What each phase would do now, by looking alone."""
        for step in steps:
            self._enter(step.path)
            yield step.path, step.phase.check(self.ctx)

    def apply(self, steps: list[Step]) -> int:
        """Do what is needed, in order; how many phases there was something to do for comes back."""
        return sum(self._step(step) for step in steps)

    def undo(self, plain: Host) -> None:
        """Take back every phase that the journal knows as begun, the last one first.

        `plain` is the host without its journal: files go back to what the backups hold."""
        phases = {step.path: step.phase for step in self.workflow.steps()}
        journal = self.ctx.journal
        for path in reversed(journal.touched(self.workflow.name)):
            self._enter(path)
            if path in phases:
                phases[path].undo(self.ctx)
            restore(plain, journal.changes(self.workflow.name, path))
            journal.add("undone")

    def _step(self, step: Step) -> bool:
        self._enter(step.path)
        ctx = replace(self.ctx, say=lambda text: self.report.line(step.path, text))
        start = time.monotonic()
        verdict = step.phase.check(ctx)
        self.report.begin(step.path, verdict)
        if verdict.needed:
            self._do(step, ctx)
        self.report.end(step.path, "done" if verdict.needed else "unneeded", time.monotonic() - start)
        return verdict.needed

    def _do(self, step: Step, ctx: Context) -> None:
        journal = self.ctx.journal
        journal.begin()
        try:
            step.phase.apply(ctx)
        except (Exception, KeyboardInterrupt):
            journal.end("failed")
            self.report.end(step.path, "failed", 0)
            raise
        journal.end("done")

    def _enter(self, path: str) -> None:
        self.ctx.journal.verb, self.ctx.journal.phase = self.workflow.name, path
