"""The findings of preflight: waived failures, and kubeadm's form of output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgeadm.checks.engine import Finding, Result, waive, with_result
from edgeadm.config import Config
from edgeadm.errors import EdgeadmError, PreflightError


def judged(findings: Iterable[Finding], config: Config) -> tuple[list[Finding], list[Finding]]:
    """All errors and all warnings; errors that `--ignore-preflight-errors` names are among the warnings."""
    every = list(waive(findings, config.kubeadm.ignore_preflight_errors))
    return with_result(every, Result.FAILED), with_result(every, Result.WARNING)


def warning_line(finding: Finding) -> str:
    """One warning in kubeadm's form."""
    return f"\t[WARNING {finding.code}]: {finding.text}{_hint_line(finding)}"


def failure(errors: Sequence[Finding]) -> EdgeadmError:
    """All errors in kubeadm's form (cmd/kubeadm/app/preflight/checks.go), each with its hint. A single error
    that has a cause of its own, such as a damaged package, is that cause."""
    if len(errors) == 1 and errors[0].cause is not None:
        return errors[0].cause
    lines = [f"\t[ERROR {each.code}]: {each.text}{_hint_line(each)}" for each in errors]
    names = ",".join(dict.fromkeys(each.code for each in errors))
    return PreflightError(
        "\n".join(["[preflight] Some fatal errors occurred:", *lines]),
        hint="If you know what you are doing, you can make a check non-fatal with "
        f"`--ignore-preflight-errors={names}`",
        findings=[fields(each) for each in errors],
    )


def fields(finding: Finding) -> dict[str, str]:
    """A finding for `-o json`: in kubeadm's words, `name` and `message`, and with the fields of every
    check."""
    return {"name": finding.code, "message": finding.text} | finding.as_dict()


def _hint_line(finding: Finding) -> str:
    return f"\n\t\thint: {finding.hint}" if finding.hint else ""
