"""The events of a run on a machine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgeadm.errors import LockedError
from edgeadm.fleet.errors import InterruptedRunError, RunFailedError
from edgeadm.fleet.follow import MAX_LINE, Following


def line(event: str, **more: Any) -> str:
    return json.dumps({"schema": 1, "event": event, **more})


def followed(*lines: str) -> tuple[Following, list[Any]]:
    seen: list[Any] = []
    following = Following(seen.append)
    for each in lines:
        following.on_line(each)
    return following, seen


def test_a_run_with_a_result_succeeded() -> None:
    following, seen = followed(line("run"), line("result", exitCode=0), "# status exited 0", "# end")
    following.finish(0, "")
    assert [each["event"] for each in seen] == ["run", "result"]
    assert following.lines == 2
    assert following.ended


def test_the_error_of_the_machine_is_raised_with_its_code() -> None:
    following, _ = followed(
        line("error", code="preflight", message="no\x07 memory", exitCode=2, hint="add some")
    )
    with pytest.raises(RunFailedError) as caught:
        following.finish(0, "")
    assert (caught.value.cause, caught.value.message, caught.value.hint) == (
        "preflight",
        "no memory",
        "add some",
    )
    assert caught.value.as_dict()["cause"] == "preflight"


SWAP = {"code": "Swap", "group": "system", "found": "swap is on", "hint": "run `x`"}
MEMORY = {"code": "Mem", "group": "system", "statement": "there is memory", "found": "", "hint": ""}


def test_failed_checks_of_the_machine_are_causes() -> None:
    odd = [{"code": "$(reboot)"}, "text", {"code": ["Swap"]}, None]
    following, _ = followed(
        line("error", code="preflight", message="x", exitCode=2, findings=[SWAP, MEMORY, *odd])
    )
    with pytest.raises(RunFailedError) as caught:
        following.finish(0, "")
    error = caught.value
    assert (error.cause, error.message, error.hint) == ("Swap", "swap is on", "run `x`")
    assert [each.code for each in error.findings] == ["Swap", "Mem"]
    assert error.context == "Mem: not true: there is memory"


@pytest.mark.parametrize("findings", [[], {}, "Swap", 5, [{}]])
def test_an_error_without_findings_keeps_its_code(findings: object) -> None:
    following, _ = followed(line("error", code="preflight", message="x", exitCode=2, findings=findings))
    with pytest.raises(RunFailedError) as caught:
        following.finish(0, "")
    assert (caught.value.cause, caught.value.findings) == ("preflight", ())


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([line("error", code="locked", message="busy", exitCode=8)], LockedError),
        (["# busy edgeadm-fleet-join-1.service"], LockedError),
        ([line("error", code="$(reboot)", message="x", exitCode=1)], RunFailedError),
        ([line("error", message={"a": 1}, exitCode="x")], RunFailedError),
        ([line("result", exitCode=2)], RunFailedError),
        ([line("run"), "# status killed KILL", "# err Traceback", "# end"], InterruptedRunError),
        ([], InterruptedRunError),
    ],
)
def test_a_run_without_success_is_an_error(lines: list[str], error: type[Exception]) -> None:
    following, _ = followed(*lines)
    with pytest.raises(error):
        following.finish(0, "")


def test_lines_that_are_no_events_are_counted_and_skipped() -> None:
    odd = ["", "[1]", "null", "{", '{"event": 1}', "[" * 100_000, line("x", y="z" * MAX_LINE)]
    following, seen = followed(*odd, line("run"))
    assert following.lines == len(odd) + 1
    assert [each["event"] for each in seen] == ["run"]


def test_events_contain_no_control_characters() -> None:
    text = "\x1b[31mred\x1b[0m\x1b]0;title\x07"
    _, seen = followed(line("phase-line", message=text, more=[{"a": text}]))
    assert seen[0]["message"] == "red]0;title"
    assert seen[0]["more"] == [{"a": "red]0;title"}]
