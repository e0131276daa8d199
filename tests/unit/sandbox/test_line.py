"""A node's bad line: what the flags say, the commands that make it, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeadm.sandbox import boot, line, switch
from edgeadm.sandbox.errors import LineError, SandboxKernelError
from edgeadm.sandbox.line import GOOD, Line, parse_line
from edgeadm.sandbox.names import wanted_nodes
from edgeadm.sandbox.state import SandboxRecord

RECORD = SandboxRecord("demo", 2).with_nodes(wanted_nodes(0, 0, 1))
EDGE1 = RECORD.node("edge1")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("300ms", "5%", "1mbit"), Line(300, 5, 1000)),
        (("1.5s", None, "256kbit"), Line(1500, 0, 256)),
        ((None, "0.5%", None), Line(0, 0.5, 0)),
        ((None, None, "1GBIT"), Line(0, 0, 1_000_000)),
        ((None, None, None), GOOD),
    ],
)
def test_the_flags_say_a_line(words: tuple[str | None, str | None, str | None], found: Line) -> None:
    assert parse_line(*words) == found


@pytest.mark.parametrize(
    "words", [("300", None, None), (None, "5", None), (None, "101%", None), (None, None, "1m")]
)
def test_a_line_that_is_none_is_refused(words: tuple[str | None, str | None, str | None]) -> None:
    with pytest.raises(LineError):
        parse_line(*words)


def test_both_directions_are_held_up() -> None:
    commands = [" ".join(each) for each in line.set_line(RECORD, EDGE1, Line(300, 5, 1000), netem=True)]
    shaped = [each for each in commands if "netem limit 10000 delay 300ms loss 5% rate 1000kbit" in each]
    assert [each.split(" dev ")[1].split()[0] for each in shaped] == ["edge1", "edge1-in"]
    assert not any("nft" in each for each in commands)


def test_without_netem_rate_and_loss_are_there_and_a_delay_is_refused() -> None:
    commands = [" ".join(each) for each in line.set_line(RECORD, EDGE1, Line(0, 5, 1000), netem=False)]
    assert sum("tbf rate 1000kbit" in each for each in commands) == 2
    assert sum("numgen random mod 10000 < 500 drop" in each for each in commands) == 1
    with pytest.raises(SandboxKernelError):
        line.set_line(RECORD, EDGE1, Line(300), netem=False)
    assert line.set_line(RECORD, EDGE1, GOOD, netem=False) == []


def test_it_is_kept_until_it_is_good_again(tmp_path: Path) -> None:
    assert line.read_line(tmp_path) == GOOD
    bad = Line(0, 5, 1000)
    line.keep_line(tmp_path, bad, line.set_line(RECORD, EDGE1, bad, netem=False))
    assert line.read_line(tmp_path) == bad
    assert (tmp_path / "line").read_text().count(" || exit\n") == 7
    line.keep_line(tmp_path, GOOD, [])
    assert list(tmp_path.iterdir()) == []


def test_it_is_set_anew_with_each_cable(tmp_path: Path) -> None:
    script = boot.write_script(tmp_path, RECORD, EDGE1, tmp_path / "package").path.read_text()
    text = script.replace(f". {tmp_path}/plug", (tmp_path / "plug").read_text())
    order = ("link del edge1-in", "link add edge1 ", f"/bin/sh {tmp_path}/line", "no-address", "cable-down")
    assert sorted(order, key=text.index) == list(order)


def test_a_node_with_dhcp_or_an_uplink_is_given_no_more_than_it_lacks() -> None:
    def given(**changed: Any) -> str:
        return "\n".join(" ".join(each) for each in switch.give_address(RECORD, replace(EDGE1, **changed)))

    assert "default via 10.77.2.1" in given()
    assert ("default" in given(second="uplink"), "10.77.2.101/24" in given(second="uplink")) == (False, True)
    assert given(dhcp=True) == ""


@pytest.mark.parametrize(
    ("bad", "said"), [(Line(300, 5, 1000), "delay 300ms loss 5% rate 1000kbit"), (GOOD, "good")]
)
def test_it_is_shown_in_words(bad: Line, said: str) -> None:
    assert str(bad) == said
