"""Findings of preflight in kubeadm's form, and the checks of both verbs."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from edgeadm.checks.engine import Check, Finding, Result
from edgeadm.config import Config, KubeadmFlags
from edgeadm.errors import EdgeadmError, PreflightError
from edgeadm.package.errors import PackageError
from edgeadm.preflight.every import INIT_CHECKS, JOIN_CHECKS
from edgeadm.preflight.network import CONTROL_PLANE_CHECKS
from edgeadm.preflight.report import failure, fields, judged, warning_line
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.supply import CONTENT_CHECKS


def finding(
    code: str, result: Result = Result.FAILED, hint: str = "", cause: EdgeadmError | None = None
) -> Finding:
    return Finding(code, "host", "the host is suitable", result, f"{code} is wrong", hint, cause)


def test_ignored_errors_are_among_the_warnings_in_their_order() -> None:
    found = [
        finding("NumCPU"),
        finding("Swap", Result.WARNING),
        finding("Mem"),
        finding("Clock", Result.OK),
        finding("SELinux", Result.NOT_APPLICABLE),
    ]
    config = Config(kubeadm=KubeadmFlags(ignore_preflight_errors=("numcpu",)))
    errors, warnings = judged(found, config)
    assert [each.code for each in errors] == ["Mem"]
    assert [each.code for each in warnings] == ["NumCPU", "Swap"]


def test_errors_and_warnings_have_kubeadms_form() -> None:
    error = failure([finding("Port-80", hint="stop it"), finding("Mem"), finding("Mem")])
    assert isinstance(error, PreflightError)
    assert error.message == (
        "[preflight] Some fatal errors occurred:\n"
        "\t[ERROR Port-80]: Port-80 is wrong\n\t\thint: stop it\n"
        "\t[ERROR Mem]: Mem is wrong\n"
        "\t[ERROR Mem]: Mem is wrong"
    )
    assert "`--ignore-preflight-errors=Port-80,Mem`" in error.hint
    assert (
        warning_line(finding("Mem", hint="add some")) == "\t[WARNING Mem]: Mem is wrong\n\t\thint: add some"
    )
    assert warning_line(finding("Mem")) == "\t[WARNING Mem]: Mem is wrong"


def test_a_single_error_with_a_cause_is_that_cause() -> None:
    cause = PackageError("the package is damaged")
    damaged = finding("Package", cause=cause)
    assert failure([damaged]) is cause
    assert isinstance(failure([damaged, finding("Mem")]), PreflightError)


def test_json_has_kubeadms_words_and_the_fields_of_every_check() -> None:
    found = finding("Mem", hint="add some")
    assert fields(found) == {
        "name": "Mem",
        "message": "Mem is wrong",
        "code": "Mem",
        "group": "host",
        "statement": "the host is suitable",
        "result": "failed",
        "found": "Mem is wrong",
        "hint": "add some",
    }
    error = failure([found])
    assert error.as_dict()["findings"] == [fields(found)]


@pytest.mark.parametrize(
    "checks",
    [
        INIT_CHECKS + CONTENT_CHECKS,
        JOIN_CHECKS + CONTENT_CHECKS,
        JOIN_CHECKS + CONTROL_PLANE_CHECKS + CONTENT_CHECKS,
    ],
    ids=["init", "join", "control plane"],
)
def test_every_check_has_a_code_of_its_own_and_a_statement(checks: tuple[Check[Subject], ...]) -> None:
    codes = [each.code for each in checks]
    assert len(codes) == len(set(codes)) > 20
    assert [each for each in codes if not re.fullmatch("[A-Z][A-Za-z]+", each)] == []
    assert all(each.statement and not each.statement.endswith(".") for each in checks)


def test_checks_of_one_group_follow_each_other() -> None:
    groups = [group for group, _ in groupby(INIT_CHECKS, lambda each: each.group)]
    assert len(groups) == len(set(groups)) > 4
