"""Kills edgeadm during its work, at a point determined by its journal or the host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from edgeadm.sandbox import Node
from tests.e2e.waiting import OFTEN, until

JOURNAL = "var/lib/edgeadm/journal.jsonl"
Records = list[dict[str, str]]


def start(node: Node, words: Sequence[str]) -> subprocess.Popen[str]:
    """A command on the node, in the background."""
    return subprocess.Popen(
        node.command(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_at(node: Node, words: Sequence[str], where: str, reached: Callable[[], bool]) -> None:
    """Start the command, and kill edgeadm with SIGKILL at that point. Its child processes keep running, as in
    reality."""
    run = start(node, words)
    until(lambda: reached() or run.poll() is not None, where, pause=OFTEN)
    if run.poll() is not None:
        raise AssertionError(f"it ended before it could be killed {where}: {run.communicate()[0]}")
    pid = _edgeadm_below(run.pid)
    os.kill(pid, signal.SIGKILL)
    run.wait(60)
    if run.stdout is not None:
        run.stdout.close()


def records(node: Node) -> Records:
    """The current content of the node's journal, without an incomplete line."""
    journal = node.root / JOURNAL
    lines = journal.read_text().splitlines() if journal.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def wrote(node: Node, path: str) -> bool:
    """Whether the file was about to be written."""
    return any(record["event"] == "write" and record.get("path") == path for record in records(node))


def ran(node: Node, words: str) -> int:
    """How many commands with these words were about to run."""
    return sum(record["event"] == "run" and words in record.get("command", "") for record in records(node))


def began(node: Node, phase: str) -> bool:
    """Whether the phase has made a change, or was about to."""
    return any(record["phase"] == phase for record in records(node))


def lock_holder(node: Node) -> str:
    """The pid, in the node's namespace, of the edgeadm that holds the lock."""
    words = node.exec(["cat", "/run/edgeadm.lock"], check=False).out.split()
    return words[1].rstrip(":") if len(words) > 1 else ""


def _edgeadm_below(pid: int) -> int:
    """The edgeadm process that the command on this host started in the node."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert b"edgeadm" in Path(f"/proc/{child}/cmdline").read_bytes()
    return int(child)
