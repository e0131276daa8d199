"""Checks of a subject, their findings, and the waiving of failures.

A check is data: a permanent code, a statement that should be true of the subject, and a probe that looks.
A probe returns one outcome, or any number of them; a probe without an outcome found nothing wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from edgeadm.errors import EdgeadmError

SubjectT = TypeVar("SubjectT")
ALL = "all"


class Result(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


WRONG = (Result.WARNING, Result.FAILED)


@dataclass(frozen=True)
class Outcome:
    """One answer of a probe. Its own hint and code take precedence over those of its check. `cause` is the
    error behind a failure, if there is one."""

    result: Result
    text: str = ""
    hint: str = ""
    code: str = ""
    cause: EdgeadmError | None = None


def ok(text: str = "") -> Outcome:
    """The statement is true."""
    return Outcome(Result.OK, text)


def warning(text: str, hint: str = "", *, code: str = "") -> Outcome:
    """The statement is not true, but the subject works with restrictions."""
    return Outcome(Result.WARNING, text, hint, code)


def failed(text: str, hint: str = "", *, code: str = "", cause: EdgeadmError | None = None) -> Outcome:
    """The statement is not true."""
    return Outcome(Result.FAILED, text, hint, code, cause)


def not_applicable(text: str) -> Outcome:
    """The statement does not concern this subject, or cannot be checked."""
    return Outcome(Result.NOT_APPLICABLE, text)


def refer_to(code: str) -> Outcome:
    """Not checked: the check with this code contains the reason."""
    return not_applicable(f"not checked: see `{code}`")


class UnansweredError(Exception):
    """A fact of the subject could not be read. `owner` is the code of the check that reports it for all
    checks that need the fact."""

    def __init__(self, owner: str, why: str) -> None:
        super().__init__(why)
        self.owner = owner
        self.why = why


@dataclass(frozen=True)
class Check(Generic[SubjectT]):
    """A statement that should be true of the subject, the probe that checks it, and a hint for a failure."""

    code: str
    group: str
    statement: str
    probe: Callable[[SubjectT], Outcome | Iterable[Outcome]]
    hint: str = ""

    def outcomes(self, subject: SubjectT) -> list[Outcome]:
        """The outcomes of the probe, at least one. A fact that cannot be read is a failure of the check that
        owns the fact; other checks refer to that one."""
        try:
            found = self.probe(subject)
            return [found] if isinstance(found, Outcome) else list(found) or [ok()]
        except UnansweredError as lack:
            return [failed(lack.why) if lack.owner == self.code else refer_to(lack.owner)]


@dataclass(frozen=True)
class Finding:
    """An outcome of a check. `hint` is empty if no action is required."""

    code: str
    group: str
    statement: str
    result: Result
    text: str
    hint: str = ""
    cause: EdgeadmError | None = None

    def as_dict(self) -> dict[str, str]:
        """The finding as a document for `-o json`."""
        return {
            "code": self.code,
            "group": self.group,
            "statement": self.statement,
            "result": self.result.value,
            "found": self.text,
            "hint": self.hint,
        }


def run_checks(checks: Iterable[Check[SubjectT]], subject: SubjectT) -> Iterator[Finding]:
    """The findings of all checks, in order; each check runs when its findings are requested."""
    for check in checks:
        for each in check.outcomes(subject):
            hint = (each.hint or check.hint) if each.result in WRONG else ""
            code = each.code or check.code
            yield Finding(code, check.group, check.statement, each.result, each.text, hint, each.cause)


def waive(findings: Iterable[Finding], codes: Collection[str]) -> Iterator[Finding]:
    """The findings, with failures of these codes as warnings. Codes are compared without case, and `all`
    waives every failure, as in kubeadm."""
    waived = {code.lower() for code in codes}
    for each in findings:
        if each.result is Result.FAILED and waived & {ALL, each.code.lower()}:
            yield replace(each, result=Result.WARNING)
        else:
            yield each


def with_result(findings: Iterable[Finding], *results: Result) -> list[Finding]:
    """The findings with one of these results."""
    return [each for each in findings if each.result in results]
