"""The progress of a fleet: lines in a pipe, a table on a terminal, and the report at the end."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace

import pytest

from edgeadm.checks.engine import Result
from edgeadm.cli.fleet_live import render
from edgeadm.cli.fleet_report import report, wide
from edgeadm.cli.fleet_view import LiveView, PlainView, choose
from edgeadm.cli.nodes_tables import change, show_plan, standing
from edgeadm.fleet.events import FleetEvent, MachineResult, RunEnded, RunNotice
from edgeadm.fleet.states import State
from edgeadm.fleet.summary import Summary
from edgeadm.fleet.tally import Tally
from tests.clocks import ticking
from tests.crowds import failed, finding, machine, ready, run, waiting

BAD = "\x1b[2J\x1b]0;x\x07\r\u202e[red]markup[/red]"


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def summary_of(*results: MachineResult, **more: object) -> Summary:
    found = fed(run(*results, **more)).summary()
    assert found is not None
    return found


def fed(events: Iterable[FleetEvent]) -> Tally:
    tally = Tally()
    for event in events:
        tally.handle(event)
    return tally


def midway(count: int) -> Tally:
    """A run in which a third of the machines is ready, and the last events have not come yet."""
    results = [ready(each) if each % 3 else failed(each, "Swap") for each in range(1, count + 1)]
    events = [each for each in run(*results) if not isinstance(each, RunEnded)]
    return fed(events[: len(events) * 2 // 3])


def drawn(tally: Tally, width: int, height: int = 40) -> list[str]:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=width, height=height, color_system=None).print(render(tally, 30.0, width, height))
    return out.getvalue().splitlines()


def test_a_pipe_gets_one_line_per_transition() -> None:
    lines: list[str] = []
    view = PlainView(lines.append)
    for event in run(ready(1), failed(2, "Swap", "swap is on")):
        view.handle(event)
    view.handle(RunNotice("Ctrl-C: nothing new is started"))
    view.close()
    assert lines[0] == "nodes add: fleet shops, 2 machines, run run-1"
    assert lines[1] == "[edge-1] known → reachable (1.0 s)"
    assert lines[-2] == "[edge-2] checked → failed (1.2 s): swap is on [Swap]"
    assert lines[-1] == "Ctrl-C: nothing new is started"
    assert len(lines) == 1 + 6 + 3 + 1


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("count", [1, 20, 21, 300])
def test_the_table_fits_every_terminal(width: int, count: int) -> None:
    lines = drawn(midway(count), width)
    assert max(map(len, lines)) <= width
    assert len(lines) <= 40


def test_a_few_machines_have_a_line_each() -> None:
    lines = drawn(midway(5), 100)
    assert [line.split()[1] for line in lines[:5]] == [f"edge-{each}" for each in range(1, 6)]
    assert lines[0].split()[0] == "✓"
    assert "failed: Swap happened [Swap]" in lines[2]
    assert lines[-1].startswith("total ")


def test_of_many_machines_sites_and_the_slowest_are_shown() -> None:
    results = [ready(each, machine=machine(each, site=f"s{each % 4}")) for each in range(1, 101)]
    events = [each for each in run(*results) if not isinstance(each, RunEnded)]
    lines = drawn(fed(events[: len(events) // 2]), 100)
    assert [line.split()[0] for line in lines[:4]] == ["s1", "s2", "s3", "s0"]
    assert lines[4].startswith("total ")
    assert len(lines) <= 4 + 1 + 10


def test_of_many_sites_those_with_work_are_shown() -> None:
    results = [ready(each, machine=machine(each, site=f"s{each}")) for each in range(1, 101)]
    events = [each for each in run(*results) if not isinstance(each, RunEnded)]
    lines = drawn(fed(events[:400]), 100, 30)
    assert any("more sites" in line for line in lines)
    assert len(lines) < 30
    assert "0/1" in lines[0]


def test_texts_of_machines_never_reach_the_terminal_raw() -> None:
    bad = failed(1, "Swap", BAD, BAD, context=BAD, machine=machine(1, site=BAD))
    lines: list[str] = []
    view, terminal = PlainView(lines.append), Terminal()
    live = LiveView(ticking(), terminal)
    for event in run(bad, again=BAD, stopped=BAD):
        view.handle(event)
        live.handle(event)
    live.handle(RunNotice(BAD))
    live.close()
    found = summary_of(bad, again=BAD, stopped=BAD, untouched=("edge-1",))
    tables = [*drawn(fed(run(bad)), 200), *report(found), *wide(found), *lines]
    assert [each for each in tables if not each.isprintable()] == []
    assert any("[red]markup[/red]" in each for each in tables)
    for sign in ("\x1b]0;", "\x1b[2J\x1b]", "\x07", "\u202e"):
        assert sign not in terminal.getvalue()
    assert "[red]markup[/red]" in terminal.getvalue()


def test_failures_remain_above_the_table() -> None:
    terminal = Terminal()
    view = LiveView(ticking(), terminal)
    for event in run(ready(1), failed(2, "Swap", "swap is on"), waiting(3)):
        view.handle(event)
    view.close()
    view.close()
    assert "✗ edge-2: failed: swap is on [Swap]" in terminal.getvalue()
    assert "… edge-3: waiting: no route to host [no-route]" in terminal.getvalue()


def test_the_live_table_is_for_capable_terminals() -> None:
    assert isinstance(choose(Terminal(), {"TERM": "xterm-256color"}), LiveView)
    for kind in ("dumb", "unknown", ""):
        assert isinstance(choose(Terminal(), {"TERM": kind}), PlainView)
    assert isinstance(choose(io.StringIO(), {"TERM": "xterm"}), PlainView)


def test_without_colours_the_table_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> str:
        terminal = Terminal()
        view = LiveView(ticking(), terminal)
        for event in run(failed(1, "Swap")):
            view.handle(event)
        view.close()
        return terminal.getvalue()

    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[31m" not in shown()
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[31m" in shown()


def test_the_report_names_causes_and_how_to_continue() -> None:
    found = summary_of(
        *(ready(each, findings=(finding("SELinux", result=Result.WARNING),)) for each in range(1, 7)),
        *(failed(each, "Swap", "swap is on", "run `swapoff -a`") for each in range(7, 20)),
        waiting(20),
        MachineResult(machine(21), State.KNOWN),
        untouched=("edge-21",),
        stopped="13 machines failed",
        exit_code=4,
        again="edgeadm nodes add -f x.yaml --resume",
        journal="/home/x/run.jsonl",
    )
    text = "\n".join(report(found))
    assert text.startswith("6 of 21 machines are ready, 13 failed, 1 waiting, 1 not started; 25 s\n")
    assert "  Swap: swap is on\n    13 machines: edge-7 (10.1.0.7), " in text
    assert "and 8 more\n    hint: run `swapoff -a`" in text
    assert "Not started (13 machines failed): edge-21" in text
    assert "Transferred: 6.0 MiB over the WAN, 30 MiB inside the sites" in text
    assert text.endswith("Continue with: edgeadm nodes add -f x.yaml --resume")


def test_the_report_of_a_converged_fleet_is_one_line() -> None:
    found = summary_of(*(ready(each, change="nothing", wan=0, lan=0) for each in (1, 2)))
    assert report(found) == ["2 of 2 machines are ready; 20 s"]
    one = summary_of(ready(1, state=State.RESET, wan=0, lan=0))
    assert report(one) == ["1 of 1 machine is reset; 20 s"]


def test_the_wide_table_has_a_line_for_each_machine() -> None:
    lines = wide(summary_of(ready(1), failed(2, "Swap", "swap is on"), waiting(3, code="")))
    assert [line.split()[0] for line in lines] == ["NAME", "edge-1", "edge-2", "edge-3"]
    at = lines[0].index("STATE")
    assert [line[at:].split()[0] for line in lines[1:]] == ["ready", "failed", "waiting"]
    assert lines[2].endswith("swap is on")


def test_changed_labels_are_in_the_plan_and_in_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "labels or taints of its Node differ; it has joined with these settings"
    labelled = ready(1, change="labels", detail=reason)
    planned = replace(labelled, state=State.REACHABLE)
    assert (standing(planned), change(planned, "add")) == ("differs", "labels")
    show_plan(summary_of(planned, ready(2, change="nothing")))
    assert "1 labels, 1 nothing" in "".join(capsys.readouterr())
    lines = report(summary_of(labelled, ready(2)))
    assert "Labels and taints changed: edge-1" in lines
    assert not any("Labels" in each for each in report(summary_of(ready(2))))
