"""The summary of a run: causes, counts and traffic; and texts of machines that are safe to print."""

from __future__ import annotations

import json

import pytest

from edgeadm.checks.engine import Result
from edgeadm.config.secret import Secret
from edgeadm.fleet.events import MachineResult, RunNotice
from edgeadm.fleet.plain import duration, number, plain, plain_lines, size
from edgeadm.fleet.states import State
from edgeadm.fleet.summary import Summary
from edgeadm.fleet.tally import Tally
from edgeadm.hosts.ssh.target import Login, Target
from tests.crowds import failed, finding, machine, ready, run, waiting


def tally_of(*results: MachineResult, **more: object) -> Tally:
    tally = Tally()
    for event in run(*results, **more):
        tally.handle(event)
    return tally


def summary_of(*results: MachineResult, **more: object) -> Summary:
    found = tally_of(*results, **more).summary()
    assert found is not None
    return found


def test_failures_are_grouped_by_cause_the_most_frequent_first() -> None:
    swap, memory = finding("Swap", hint="turn it off"), finding("Mem")
    ignored = finding("SELinux", result=Result.WARNING)
    found = summary_of(
        failed(1, "host-key-changed", hint="pass `--reinstalled edge-1`"),
        failed(2, "preflight", findings=(swap, memory, ignored)),
        failed(3, "preflight", findings=(swap,)),
        waiting(4),
        waiting(5, code=""),
        ready(6, findings=(ignored,)),
    )
    causes = [(each.code, each.machines, each.hint) for each in found.failures]
    assert causes == [
        ("Swap", ("edge-2", "edge-3"), "turn it off"),
        ("host-key-changed", ("edge-1",), "pass `--reinstalled edge-1`"),
        ("Mem", ("edge-2",), ""),
    ]
    assert [(each.code, each.machines) for each in found.waiting] == [
        ("no-route", ("edge-4",)),
        ("unknown", ("edge-5",)),
    ]
    assert [(each.code, each.machines) for each in found.warnings] == [("SELinux", ("edge-2", "edge-6"))]
    assert found.counts == {"failed": 3, "waiting": 2, "ready": 1}


def test_different_texts_of_one_cause_are_counted() -> None:
    cause = summary_of(*(failed(each, "no-space", f"{each} MiB are free") for each in (1, 2, 3))).failures[0]
    assert (cause.text, cause.texts) == ("1 MiB are free", 3)


def test_machines_that_were_not_started_are_no_state() -> None:
    left = MachineResult(machine(3), State.KNOWN)
    found = summary_of(ready(1), failed(2, "x"), left, untouched=("edge-3",), stopped="too many failures")
    assert found.counts == {"ready": 1, "failed": 1, "untouched": 1}


def test_the_document_has_everything_and_no_secret() -> None:
    login = Login(password=Secret("hunter22"), sudo_password=Secret("abc"))
    bad = machine(1, target=Target("10.1.0.1", login=login))
    tally = tally_of(
        failed(1, "sudo", "sudo said: hunter22 is wrong", machine=bad, context="$ hunter22"),
        ready(2),
        ready(3),
        exit_code=4,
        again="edgeadm nodes add -f x --resume",
    )
    tally.handle(RunNotice("Ctrl-C with hunter22"))
    found = tally.summary()
    assert found is not None
    text = json.dumps(found.as_dict())
    document = json.loads(text)
    assert "hunter22" not in text
    assert "***" in document["machines"][0]["detail"]
    assert (document["wanBytes"], document["lanBytes"]) == (2 << 20, 10 << 20)
    assert (document["exitCode"], document["again"]) == (4, "edgeadm nodes add -f x --resume")
    assert document["failures"] == [
        {"code": "sudo", "text": "sudo said: *** is wrong", "hint": "", "machines": ["edge-1"]}
    ]


def test_spans_are_the_states_in_their_time() -> None:
    seen = tally_of(ready(1), failed(2, "x")).machines
    assert [(each.state, each.begin, each.end) for each in seen["edge-2"].spans] == [
        (State.KNOWN, 0.0, 1.25),
        (State.REACHABLE, 1.25, 2.5),
        (State.CHECKED, 2.5, 3.75),
    ]
    assert (seen["edge-2"].seconds(99.0), seen["edge-1"].seconds(99.0)) == (3.75, 6.0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("all is well", "all is well"),
        ("Größe 中文 é", "Größe 中文 é"),
        ("\x1b[2J\x1b]0;title\x07gone", "\\x1b[2J\\x1b]0;title\\x07gone"),
        ("one\ntwo\r\n  three", "one two three"),
        ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_texts_of_machines_are_plain(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert plain(text).isprintable()


def test_of_many_lines_the_last_ones_are_shown() -> None:
    assert plain_lines("a\n\nb\x07\nc", 2) == ["b\\x07", "c"]


def test_measures_are_readable() -> None:
    assert [size(each) for each in (0, 999, 1 << 20, 310 << 20, 1300 << 20, 5 << 40)] == [
        *("0 B", "999 B", "1.0 MiB", "310 MiB", "1.3 GiB", "5.0 TiB")
    ]
    assert [duration(each) for each in (0.04, 9.94, 9.96, 59.4, 168, 3900)] == [
        *("0.0 s", "9.9 s", "10 s", "59 s", "2 min 48 s", "1 h 5 min")
    ]
    assert (number(1), number(2)) == ("1 machine", "2 machines")
