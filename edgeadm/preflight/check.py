"""Preflight checks, and the evaluation and output of their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from edgeadm.config import Config
from edgeadm.errors import EdgeadmError, PreflightError
from edgeadm.hosts import Host
from edgeadm.preflight.subject import Subject


@dataclass(frozen=True)
class Finding:
    """A failed check. `--ignore-preflight-errors` accepts its `name`."""

    name: str
    message: str
    hint: str = ""
    fatal: bool = True
    cause: EdgeadmError | None = None


@dataclass(frozen=True)
class Check:
    """A condition that the host should meet before `init`, and the function that checks it."""

    name: str
    statement: str
    probe: Callable[[Host, Config, Subject], Iterable[Finding]]


def run_checks(
    checks: Iterable[Check], host: Host, config: Config, subject: Subject
) -> tuple[list[Finding], list[Finding]]:
    """All errors and all warnings; ignored errors are among the warnings."""
    ignored = {name.lower() for name in config.kubeadm.ignore_preflight_errors}
    errors, warnings = [], []
    for check in checks:
        for finding in check.probe(host, config, subject):
            waived = "all" in ignored or finding.name.lower() in ignored
            if finding.fatal and not waived:
                errors.append(finding)
            else:
                warnings.append(replace(finding, fatal=False))
    return errors, warnings


def warning_line(finding: Finding) -> str:
    """One warning in kubeadm's form."""
    return f"\t[WARNING {finding.name}]: {finding.message}{_hint_line(finding)}"


def failure(errors: list[Finding]) -> EdgeadmError:
    """All errors in kubeadm's form (cmd/kubeadm/app/preflight/checks.go), each with its hint.

    A finding with an error of its own, such as a damaged package, is that error where it is the only one."""
    if len(errors) == 1 and errors[0].cause is not None:
        return errors[0].cause
    lines = [f"\t[ERROR {each.name}]: {each.message}{_hint_line(each)}" for each in errors]
    names = ",".join(dict.fromkeys(each.name for each in errors))
    return PreflightError(
        "\n".join(["[preflight] Some fatal errors occurred:", *lines]),
        hint="If you know what you are doing, you can make a check non-fatal with "
        f"`--ignore-preflight-errors={names}`",
        findings=[{"name": each.name, "message": each.message, "hint": each.hint} for each in errors],
    )


def _hint_line(finding: Finding) -> str:
    return f"\n\t\thint: {finding.hint}" if finding.hint else ""
