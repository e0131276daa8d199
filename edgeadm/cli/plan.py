"""`edgeadm VERB plan`: the phases' checks as a table, and the preflight findings. Also `--dry-run`."""

from __future__ import annotations

from dataclasses import replace

from edgeadm.checks.engine import Finding
from edgeadm.cli import console
from edgeadm.cli.report import PlainReport
from edgeadm.cli.session import looking
from edgeadm.config import Config
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Step, Workflow
from edgeadm.phases.preflight import Preflight
from edgeadm.preflight.report import fields


def show_plan(workflow: Workflow, steps: list[Step], config: Config, *, as_json: bool) -> None:
    """Print each phase with whether it is needed and why, then the preflight errors and warnings."""
    with looking(workflow.name, config, lambda _change: None, PlainReport()) as session:
        rows = list(Run(workflow, session.ctx, session.report).plan(steps))
        errors, warnings = _findings(steps, session.ctx)
    if as_json:
        console.data_json(
            {
                "verb": workflow.name,
                "phases": [{"phase": path, "needed": v.needed, "reason": v.reason} for path, v in rows],
                "errors": [fields(each) for each in errors],
                "warnings": [fields(each) for each in warnings],
            }
        )
        return
    width = max(len(path) for path, _ in rows)
    for path, verdict in rows:
        console.data(f"{path:<{width}}  {'yes' if verdict.needed else 'no':<3}  {verdict.reason}")
    for kind, found in (("error", errors), ("warning", warnings)):
        for each in found:
            console.data(f"{kind}: {each.code}: {each.text}")


def show_dry_run(workflow: Workflow, steps: list[Step], config: Config, *, as_json: bool) -> None:
    """Run the steps on a host that changes nothing, and print each change that they would make."""
    changes: list[str] = []

    def note(change: str) -> None:
        changes.append(change)
        if not as_json:
            console.data(f"  would {change}")

    report = PlainReport()
    with looking(workflow.name, config, note, report) as session:
        Run(workflow, session.ctx, report).apply(steps)
    if as_json:
        console.data_json({"verb": workflow.name, "dryRun": True, "changes": changes})


def _findings(steps: list[Step], ctx: Context) -> tuple[list[Finding], list[Finding]]:
    for step in steps:
        if isinstance(step.phase, Preflight) and step.phase.check(ctx).needed:
            return step.phase.findings(replace(ctx, say=console.talk))
    return [], []
