"""The verdict of a drill, computed from its samples."""

from __future__ import annotations

import pytest

from edgeadm.drill.report import Report
from edgeadm.drill.verdict import (
    ABSENT,
    KEPT,
    LOST,
    MOVED,
    RESTARTED,
    PodVerdict,
    QuestionVerdict,
    longest_silence,
    of_pods,
    of_questions,
)
from edgeadm.drill.watch import Running, Sample


def web(container: str, sandbox: str = "s1", *addresses: str) -> Running:
    return Running({"POD": sandbox, "web": container}, addresses)


def samples(*pods: Running | None) -> list[Sample]:
    """One sample every five seconds; None if the container runtime did not respond."""
    return [Sample(5.0 * i, None if pod is None else {"default/web": pod}) for i, pod in enumerate(pods)]


GONE = Running({})


@pytest.mark.parametrize(
    ("before", "during", "after", "outcome", "restarts"),
    [
        (web("a"), (web("a"), web("a")), web("a"), KEPT, 0),
        (web("a"), (web("a"), None, web("a")), web("a"), KEPT, 0),
        (web("a"), (web("b"),), web("b"), RESTARTED, 1),
        (web("a"), (web("b"), web("c")), web("c"), RESTARTED, 2),
        (web("a"), (GONE, GONE), web("b"), RESTARTED, 1),
        (web("a"), (web("a"),), web("b"), RESTARTED, 1),
        (web("a"), (), web("a", "s2"), RESTARTED, 1),
        (web("a"), (GONE,), GONE, LOST, 0),
        (web("a"), (web("a"),), Running({"POD": "s1"}), LOST, 0),
        (web("a"), (web("b"),), GONE, LOST, 1),
        (web("a", "s1", "10.1.0.2"), (), web("b", "s2", "10.1.0.3"), MOVED, 2),
        (web("a", "s1", "10.1.0.2"), (), web("b", "s2", "10.1.0.2"), RESTARTED, 2),
        (
            web("a", "s1", "10.1.0.2"),
            (),
            web("a"),
            KEPT,
            0,
        ),  # an address that is not recorded is not compared
    ],
)
def test_the_outcome_of_a_pod(
    before: Running, during: tuple[Running | None, ...], after: Running, outcome: str, restarts: int
) -> None:
    (found,) = of_pods({"default/web": before}, {}, samples(*during), {"default/web": after})
    assert (found.outcome, found.restarts) == (outcome, restarts)
    assert found.result == ("ok" if outcome in (KEPT, RESTARTED) else "failed")


def test_a_pod_without_later_samples_is_lost_and_without_a_runtime_all_are() -> None:
    before = {"default/web": web("a"), "default/db": web("b")}
    found = of_pods(before, {}, [], {"default/db": web("b")})
    assert {each.name: each.outcome for each in found} == {"default/db": KEPT, "default/web": LOST}
    assert {each.outcome for each in of_pods(before, {}, [], None)} == {LOST}


def test_pods_that_did_not_run_are_listed_and_ending_ones_are_not() -> None:
    before = {"a/leaves": web("a"), "a/stays": web("b"), "a/begins": Running({"POD": "s"})}
    wanted = {"a/leaves": False, "a/stays": True, "a/begins": True, "a/waits": True, "a/ended": False}
    found = of_pods(before, wanted, [], before)
    outcomes = {"a/stays": KEPT, "a/begins": ABSENT, "a/waits": ABSENT}
    assert {each.name: each.outcome for each in found} == outcomes
    assert {each.result.value for each in found if each.outcome == ABSENT} == {"not applicable"}


@pytest.mark.parametrize(
    ("answers", "silence"),
    [
        ("", 0),
        ("yyyy", 0),
        ("ynyy", 10),  # from the last response before to the first one after
        ("ynny", 15),
        ("ynnyny", 15),
        ("ynynny", 15),
        ("nnyy", 10),  # from the first check
        ("yynn", 10),  # to the last check
        ("nnnn", 15),
        ("n", 0),
    ],
)
def test_the_longest_silence(answers: str, silence: float) -> None:
    assert longest_silence([(5.0 * i, each == "y") for i, each in enumerate(answers)]) == silence


def test_each_service_is_counted_separately() -> None:
    asked = [Sample(5.0 * i, {}, {"one": True, "two": i != 1}) for i in range(4)]
    assert of_questions(asked) == [
        QuestionVerdict("one", 4, 4, 0, at_last=True),
        QuestionVerdict("two", 4, 3, 10, at_last=True),
    ]
    assert of_questions([]) == []


@pytest.mark.parametrize(
    ("question", "survived"),
    [
        (QuestionVerdict("x", 9, 9, 0, at_last=True), True),
        (QuestionVerdict("x", 9, 4, 30, at_last=True), True),
        (QuestionVerdict("x", 9, 4, 31, at_last=True), False),
        (QuestionVerdict("x", 9, 8, 5, at_last=False), False),
    ],
)
def test_a_service_survives_a_short_silence_but_not_one_at_the_end(
    question: QuestionVerdict, survived: bool
) -> None:
    assert question.result == ("ok" if survived else "failed")
    pods = [PodVerdict("a/b", KEPT), PodVerdict("a/c", ABSENT)]
    report = Report("edge1", 5, ("10.0.0.11:6443",), False, pods, [question], lifted=True)
    assert report.survived is survived
    assert report.verdict().startswith("would have survived: 1 of 1 Pods")
    assert ("x did not respond for too long" in report.verdict()) is not survived
