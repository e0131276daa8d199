"""SIGTERM and SIGHUP end a run as Ctrl-C does, in a real process:

- no token stays on the machine, the journal says that the phase failed, the lock is free, kubeadm is ended
- so it is when the terminal is gone, and when a second signal comes during clean-up
- the exit status is 128 and the number of the signal
- `nohup` keeps its meaning
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

import click
import pytest

from edgeadm.cli.outcome import run
from edgeadm.core.signals import undisturbed
from tests.cli.interrupted import TOKEN

SECONDS = 300.0  # the end of patience, not a time that is expected


class Joining:
    """`edgeadm join` in a process, at the point where kubeadm is at work."""

    def __init__(self, folder: Path, *words: str, **more: Any) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.interrupted", str(folder), *words],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "COVERAGE_PROCESS_START": ""},
            **more,
        )
        end = time.monotonic() + SECONDS
        while not (folder / "pid").exists():
            assert self.process.poll() is None, "it ended before kubeadm was at work"
            assert time.monotonic() < end, "kubeadm was not started"
            time.sleep(0.02)
        self.kubeadm = int((folder / "pid").read_text())

    def end(self) -> int:
        return self.process.wait(SECONDS)

    def is_clean(self) -> bool:
        ended = json.loads((self.folder / "ended.json").read_text())
        secret = TOKEN.partition(".")[2]
        assert [path for path, text in ended["files"].items() if secret in text] == []
        assert ended["records"][-1] == ["kubeadm", "failed"]
        assert not (self.folder / "lock").exists()
        assert not Path(f"/proc/{self.kubeadm}").exists()
        assert secret not in "".join(path.read_text() for path in (self.folder / "logs").iterdir())
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_cleans_up(number: signal.Signals, tmp_path: Path) -> None:
    joining = Joining(tmp_path, stderr=subprocess.PIPE)
    joining.process.send_signal(number)
    said = joining.process.communicate(timeout=SECONDS)[1].decode()
    assert joining.end() == 128 + number
    assert joining.is_clean()
    by = "" if number == signal.SIGINT else f" by {number.name}"
    assert f"interrupted{by}; run the same command again to resume" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_events_are_written_at_once_and_end_with_an_error(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as file:
        joining = Joining(tmp_path, "-o", "jsonl", stdout=file)
        # kubeadm is running: all earlier lines are in the file.
        before = [json.loads(line) for line in out.read_text().splitlines()]
        assert (before[-1]["event"], before[-1]["phase"]) == ("phase-begin", "kubeadm")
        joining.process.send_signal(number)
        assert joining.end() == 128 + number
    failed, error = [json.loads(line) for line in out.read_text().splitlines()][-2:]
    assert (failed["event"], failed["result"]) == ("phase-end", "failed")
    assert (error["event"], error["code"], error["exitCode"]) == ("error", "interrupted", 128 + number)
    assert error["hint"] == "run the same command again to resume"
    assert joining.is_clean()


def test_a_lost_terminal_cleans_up(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    joining = Joining(
        tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(theirs)
    os.close(ours)  # the connection is cut: the kernel sends SIGHUP, and each write to the terminal fails
    assert joining.end() == 128 + signal.SIGHUP
    assert joining.is_clean()


def test_further_signals_do_not_disturb_the_clean_up(tmp_path: Path) -> None:
    joining = Joining(tmp_path)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
        joining.process.send_signal(number)
    assert joining.end() in (128 + signal.SIGHUP, 128 + signal.SIGTERM)
    assert joining.is_clean()


def test_nohup_keeps_its_meaning(tmp_path: Path) -> None:
    def nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    joining = Joining(tmp_path, preexec_fn=nohup)
    joining.process.send_signal(signal.SIGHUP)
    joining.process.send_signal(signal.SIGTERM)
    assert joining.end() == 128 + signal.SIGTERM
    assert joining.is_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_every_verb_ends_so(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    cleaned = []

    def verb() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(True)

    assert run(click.Command("verb", callback=verb), []) == 128 + number
    assert cleaned == [True]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_another_thread_waits_for_undisturbed_work(number: signal.Signals) -> None:
    done = []
    over, (arrived, arrives) = threading.Event(), socket.socketpair()
    arrives.setblocking(False)
    other = threading.Thread(target=over.wait)

    def verb() -> None:
        other.start()
        with undisturbed():
            signal.pthread_kill(other.ident or 0, number)
            arrived.recv(1)  # the interpreter has the signal, and runs its handler next
            done.append("undisturbed")
        done.append("never")

    before = signal.set_wakeup_fd(arrives.fileno())
    try:
        with arrived, arrives:
            assert run(click.Command("verb", callback=verb), []) == 128 + number
    finally:
        signal.set_wakeup_fd(before)
        over.set()
    other.join()
    assert done == ["undisturbed"]
