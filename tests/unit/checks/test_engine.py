"""The engine of checks: outcomes become findings, facts that cannot be read have one owner, failures are
waived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from edgeadm.checks.engine import (
    Check,
    Finding,
    Outcome,
    Result,
    UnansweredError,
    failed,
    not_applicable,
    ok,
    refer_to,
    run_checks,
    waive,
    warning,
    with_result,
)
from edgeadm.errors import PhaseError

PORTS = (80, 443)


def ports(used: set[int]) -> Iterator[Outcome]:
    for port in PORTS:
        if port in used:
            yield failed(f"{port} is in use", code=f"Port-{port}")


def count(used: set[int]) -> Outcome:
    return ok(f"{len(used)} ports") if used else warning("no ports", "start a server")


def unreadable(_used: set[int]) -> Outcome:
    raise UnansweredError("count", "`ss` failed")


def unreadable_later(_used: set[int]) -> Iterator[Outcome]:
    yield ok()
    raise UnansweredError("count", "`ss` failed")


SEVERAL = Check("Port", "network", "the ports are free", ports, hint="stop the server")
ONE = Check("count", "network", "there are servers", count, hint="see the log")


def results(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(each.code, each.result.value) for each in findings]


def test_a_probe_returns_one_outcome_or_several() -> None:
    assert results(run_checks((SEVERAL, ONE), {80, 443})) == [
        ("Port-80", "failed"),
        ("Port-443", "failed"),
        ("count", "ok"),
    ]


def test_a_probe_without_an_outcome_is_ok() -> None:
    (finding,) = run_checks((SEVERAL,), set())
    assert finding == Finding("Port", "network", "the ports are free", Result.OK, "")


def test_findings_keep_the_order_of_checks_and_run_when_requested() -> None:
    ran: list[str] = []

    def noted(name: str) -> Check[None]:
        def probe(_subject: None) -> Outcome:
            ran.append(name)
            return ok()

        return Check(name, "group", "statement", probe)

    found = run_checks([noted("a"), noted("b")], None)
    assert ran == []
    assert next(found).code == "a"
    assert ran == ["a"]
    assert [each.code for each in found] == ["b"]


def test_the_hint_of_an_outcome_takes_precedence_and_nothing_right_has_one() -> None:
    hints = {each.code: each.hint for each in run_checks((SEVERAL, ONE), {80})}
    assert hints == {"Port-80": "stop the server", "count": ""}
    assert [each.hint for each in run_checks((ONE,), set())] == ["start a server"]
    skipped = Check("x", "group", "statement", lambda _: not_applicable("no servers"), hint="see the log")
    assert [each.hint for each in run_checks((skipped,), None)] == [""]


@pytest.mark.parametrize("probe", [unreadable, unreadable_later])
def test_a_fact_that_cannot_be_read_fails_the_check_that_owns_it_alone(
    probe: object,
) -> None:
    checks = [Check(code, "group", "statement", probe, hint="see the log") for code in ("count", "other")]  # type: ignore[arg-type]
    owner, other = run_checks(checks, set())
    assert (owner.result, owner.text, owner.hint) == (Result.FAILED, "`ss` failed", "see the log")
    assert (other.result, other.text, other.hint) == (Result.NOT_APPLICABLE, refer_to("count").text, "")


def test_another_exception_of_a_probe_is_not_a_finding() -> None:
    def broken(_subject: None) -> Outcome:
        raise ValueError("a fault of the probe")

    with pytest.raises(ValueError, match="a fault of the probe"):
        list(run_checks((Check("x", "group", "statement", broken),), None))


@pytest.mark.parametrize(
    ("codes", "failures"),
    [
        ((), ["Port-80", "Port-443"]),
        (("Port-80",), ["Port-443"]),
        (("port-80", "PORT-443"), []),
        (("all",), []),
        (("ALL",), []),
        (("Port", "count"), ["Port-80", "Port-443"]),
    ],
)
def test_failures_are_waived_by_code_without_case(codes: tuple[str, ...], failures: list[str]) -> None:
    found = list(waive(run_checks((SEVERAL, ONE), {80, 443}), codes))
    assert [each.code for each in with_result(found, Result.FAILED)] == failures
    waived = with_result(found, Result.WARNING)
    assert [each.code for each in found if each in waived] == [
        code for code in ("Port-80", "Port-443") if code not in failures
    ]
    assert all(each.hint == "stop the server" for each in waived)
    assert results(found)[-1] == ("count", "ok")


def test_a_finding_has_one_form_in_json() -> None:
    (finding,) = run_checks((SEVERAL,), {443})
    assert finding.as_dict() == {
        "code": "Port-443",
        "group": "network",
        "statement": "the ports are free",
        "result": "failed",
        "found": "443 is in use",
        "hint": "stop the server",
    }


def test_a_failure_keeps_the_error_behind_it() -> None:
    error = PhaseError("the package is damaged")
    check = Check("Package", "supply", "the package is complete", lambda _: failed("damaged", cause=error))
    (finding,) = run_checks((check,), None)
    assert finding.cause is error
