"""`edgeadm check autonomy`: would this edge node come back without the cloud?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import click

from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from edgeadm.autonomy.node import open_node
from edgeadm.checks.engine import Finding, Result, run_checks, with_result
from edgeadm.cli import console, options, pflag
from edgeadm.cli.session import world
from edgeadm.errors import NotRootError
from edgeadm.hosts import DryHost

VERB = "check autonomy"
A_CHECK_FAILED = 2
COLOURS = {Result.OK: "green", Result.WARNING: "yellow", Result.FAILED: "red"}
SHOWN = {Result.NOT_APPLICABLE: "-"}


@click.group("check", cls=pflag.Group)
def command() -> None:
    """Check a node (read-only)."""


@command.command("autonomy")
@click.argument("node", required=False, default="")
@options.output
def autonomy(node: str, output: str) -> int:
    """Check whether this edge node would recover from a power cut without the cloud.

    NODE is the name of this node and may be omitted. The exit status is 2 if a check failed, and 0 if there
    are only warnings.
    """
    here = world()
    if not here.is_root():
        raise NotRootError(
            f"`edgeadm {VERB}` reads files that only root can read", hint="run it as root: `sudo edgeadm …`"
        )
    there = open_node(DryHost(here.host(), lambda _change: None), here.nearby(), node)
    findings = list(run_checks(AUTONOMY_CHECKS, there))
    failures = len(with_result(findings, Result.FAILED))
    if output == "json":
        found = [each.as_dict() for each in findings]
        console.data_json({"verb": VERB, "node": there.name, "ok": not failures, "checks": found})
    else:
        _show(findings)
        console.talk(_summary(there.name, findings, failures))
    return A_CHECK_FAILED if failures else 0


def _show(findings: Sequence[Finding]) -> None:
    """One line per check, grouped; failed checks and warnings are followed by their hint."""
    width = max(len(each.code) for each in findings)
    for group, members in groupby(findings, lambda each: each.group):
        console.data(group)
        for each in members:
            shown = SHOWN.get(each.result, each.result)
            mark = click.style(f"{shown:<7}", fg=COLOURS.get(each.result))
            console.data(f"  {mark}  {each.code:<{width}}  {each.statement}: {each.text}")
            if each.hint:
                console.data(f"           {'':<{width}}  hint: {each.hint}")


def _summary(name: str, findings: Sequence[Finding], failures: int) -> str:
    warnings = len(with_result(findings, Result.WARNING))
    told = f"{warnings} warning{'s' if warnings != 1 else ''}"
    if failures:
        return f"{name} would not recover completely: {failures} of {len(findings)} checks failed, {told}"
    return f"{name} would recover without the cloud, according to {len(findings)} checks: {told}"
