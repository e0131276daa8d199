"""qemu's monitor, played by a thread at the other end of the socket."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from edgeadm.sandbox import qmp
from edgeadm.sandbox.errors import VmMonitorError

GREETING = {"QMP": {"version": {}}}


class Monitor:
    """Answers each request by what `answers` has for it; an event comes before each."""

    def __init__(self, path: Path, answers: dict[str, dict[str, Any]]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers = answers
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        port, _ = self.server.accept()
        with port, port.makefile("rw") as lines:
            self._say(lines, GREETING)
            for line in lines:
                self.asked.append(json.loads(line))
                self._say(lines, {"event": "RESUME"})
                answer = self.answers.get(self.asked[-1]["execute"], {"return": {}})
                if not answer:
                    break
                self._say(lines, answer)

    def _say(self, lines: Any, what: dict[str, Any]) -> None:
        lines.write(json.dumps(what) + "\n")
        lines.flush()

    def end(self) -> list[dict[str, Any]]:
        self.thread.join()
        self.server.close()
        return self.asked


def test_a_command_is_run_and_answered(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path / "m", {"query-status": {"return": {"status": "running"}}})
    assert qmp.command(tmp_path / "m", "query-status") == {"status": "running"}
    assert [each["execute"] for each in monitor.end()] == ["qmp_capabilities", "query-status"]


def test_it_has_its_arguments(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path / "m", {})
    qmp.command(tmp_path / "m", "set_link", name="card0", up=False)
    assert monitor.end()[1]["arguments"] == {"name": "card0", "up": False}


def test_a_refusal_is_told(tmp_path: Path) -> None:
    monitor = Monitor(
        tmp_path / "m", {"cont": {"error": {"class": "GenericError", "desc": "no such device"}}}
    )
    with pytest.raises(VmMonitorError, match="no such device"):
        qmp.command(tmp_path / "m", "cont")
    monitor.end()


def test_a_monitor_that_goes_away_is_told(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path / "m", {"cont": {}})
    with pytest.raises(VmMonitorError, match="does not respond to `cont`"):
        qmp.command(tmp_path / "m", "cont")
    monitor.end()
