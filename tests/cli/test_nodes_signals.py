"""Signals to `edgeadm nodes add`, in a real process: the first one waits for the machine that joins, and the
second one leaves it alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeadm.fleet.journal import read, runs

SECONDS = 300.0  # the end of patience, not a time that is expected


class Adding:
    """The process, at the point where the first machine joins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.nodes_interrupted", str(folder)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "COVERAGE_PROCESS_START": ""},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.until(lambda: (folder / "joining").exists(), "the join starts")

    def until(self, fits: object, what: str) -> None:
        end = time.monotonic() + SECONDS
        while not fits():  # type: ignore[operator]
            assert self.process.poll() is None, f"it ended before {what}"
            assert time.monotonic() < end, what
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Send the first signal, and wait until it was received."""
        self.process.send_signal(number)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "no further machine is started" in line:
                return
        raise AssertionError("the signal was not received")

    def end(self) -> tuple[int, dict[str, object]]:
        self.process.communicate(timeout=SECONDS)
        return self.process.returncode, json.loads((self.folder / "ended.json").read_text())

    def states(self) -> list[str]:
        past = read(runs(self.folder / "state/edgeadm/fleet/shops")[0])
        return [past.state(name).value for name in ("till1", "till2")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_waits_for_the_machine_that_joins(number: signal.Signals, tmp_path: Path) -> None:
    adding = Adding(tmp_path)
    adding.signal(number)
    # A closing session sends SIGHUP several times.
    adding.process.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    status, ended = adding.end()
    assert status == 130
    assert ended == {"tokens": {}, "joins": [1, 0]}
    assert adding.states() == ["ready", "checked"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_leaves(number: signal.Signals, tmp_path: Path) -> None:
    adding = Adding(tmp_path)
    adding.signal(signal.SIGINT)
    adding.process.send_signal(number)
    status, ended = adding.end()
    assert status == 128 + number
    assert ended == {"tokens": {"000001": "till1"}, "joins": [1, 0]}, "the machine finishes on its own"
    assert adding.states() == ["joining", "checked"]
