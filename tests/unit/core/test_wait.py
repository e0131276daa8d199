"""The one loop that waits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgeadm
from edgeadm.clock import Clock
from edgeadm.core.wait import NoWait, Wait
from edgeadm.errors import ApiError, PhaseError, UnreachableError, WaitError
from tests.clocks import ticking

SOURCE = Path(edgeadm.__file__).parent


def answers(*given: object) -> Iterator[object]:
    yield from given


@pytest.mark.parametrize(("seconds", "calls"), [(0, 1), (30, 3), (100, 6)])
def test_a_probe_is_called_once_at_least_and_until_the_time_is_over(seconds: float, calls: int) -> None:
    said = []
    assert ticking().poll(lambda: said.append(1), seconds, 0.1) is None
    assert len(said) == calls


def test_the_answer_comes_back_as_soon_as_it_is_true() -> None:
    each = answers(0, "", "here", "never")
    assert Wait(ticking()).until("it is here", lambda: next(each), seconds=1000, every=1) == "here"
    assert next(each) == "never"


def test_between_two_calls_it_sleeps_as_long_as_it_was_told() -> None:
    slept: list[float] = []
    clock = Clock(lambda: float(len(slept)), slept.append)
    clock.poll(lambda: False, 3, 0.25)
    assert slept == [0.25, 0.25, 0.25]


def test_after_its_time_it_says_what_was_waited_for_and_what_to_do() -> None:
    def refused() -> bool:
        raise ApiError("forbidden", context="body")

    with pytest.raises(WaitError) as caught:
        Wait(ticking()).until(
            "it runs",
            refused,
            seconds=60,
            every=1,
            hint="look",
            context=lambda: "log",
            ignoring=(ApiError, UnreachableError),
        )
    error = caught.value
    assert (error.message, error.hint) == ("it runs: not after 60 s", "look")
    assert error.context == "forbidden\nbody\nlog"
    assert isinstance(error.__cause__, ApiError)


def test_an_error_that_is_not_ignored_ends_it_at_once() -> None:
    def refused() -> bool:
        raise ApiError("forbidden")

    with pytest.raises(ApiError, match="forbidden"):
        Wait(ticking()).until("it runs", refused, seconds=60, every=1, ignoring=(UnreachableError,))


def test_an_error_that_went_away_is_not_the_reason() -> None:
    turn = iter([ApiError("away"), None, None, None, None])

    def probe() -> bool:
        error = next(turn)
        if error is not None:
            raise error
        return False

    with pytest.raises(WaitError) as caught:
        Wait(ticking()).until("it runs", probe, seconds=60, every=1, ignoring=(ApiError,))
    assert (caught.value.context, caught.value.__cause__) == ("", None)


def test_a_dry_run_notes_what_it_would_wait_for_and_asks_nothing() -> None:
    notes: list[str] = []
    asked: list[int] = []
    wait = NoWait(note=notes.append)
    assert wait.until("it runs", lambda: asked.append(1), seconds=60, every=1) is None
    wait.postpone("a/b", "there is no cluster")
    assert asked == []
    assert notes == ["wait until it runs", "apply `a/b` after the phases before it: there is no cluster now"]
    with pytest.raises(PhaseError, match="there is no cluster"):
        Wait().postpone("a/b", "there is no cluster")


def test_nothing_else_waits_in_a_loop() -> None:
    """A retry of a download pauses, the drill looks at intervals, DNS and SSH have the deadlines of sockets,
    and one thread looks for silent connections."""
    others = {"clock.py", "package/download.py", "drill/probes.py", "hosts/dns.py"}
    others |= {"hosts/ssh/sockets.py", "hosts/ssh/wire.py"}
    waits = re.compile(r"time\.sleep|while .*monotonic|monotonic\(\) [<>]|end = time\.monotonic")
    found = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if waits.search(path.read_text())}
    assert found <= others


def test_no_phase_speaks_of_dry_runs() -> None:
    found = [path for path in (SOURCE / "phases").rglob("*.py") if "dry run" in path.read_text().lower()]
    assert found == []
