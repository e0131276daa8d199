"""Runs on a machine: the scripts run with the sh of this host, and small programs replace systemd's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm.config.secret import Secret
from edgeadm.errors import LockedError
from edgeadm.fleet.errors import InterruptedRunError, RunFailedError, StartError
from edgeadm.fleet.follow import Following
from edgeadm.fleet.unit import Run, follow, start
from tests.fake_remotes import ShRemote

pytestmark = pytest.mark.runs_programs
RUN = Run("join", "01a2184b-91be-7c80-97bd-c1964419bb95")
RESET = Run("reset", "01a2184b-91be-7c80-97bd-c1964419bb96")
CANARY = "abcdef.c4n4ryc4n4ryc4n4"

# The main process runs to its end before the script continues, then the command of ExecStopPost.
SYSTEMD_RUN = r"""#!/bin/sh
printf '%s\n' "$@" >>"$0.calls"
if [ -e "$0.fails" ]; then echo 'Failed to start' >&2; exit 1; fi
while [ "${1#--}" != "$1" ]; do
  case $1 in --property=ExecStopPost=*) post=${1#--property=ExecStopPost=} ;; esac
  shift
done
"$@"
EXIT_CODE=exited EXIT_STATUS=$?
export EXIT_CODE EXIT_STATUS
$post
"""
SYSTEMCTL = r"""#!/bin/sh
case $1 in
  list-units) cat "$0.busy" 2>/dev/null ;;
  is-active) echo inactive; exit 3 ;;
  show) echo 0 ;;
esac
"""
EDGEADM = r"""#!/bin/sh
printf '%s\n' "$*" >"${0%/*}/argv"
cat "$3" >"${0%/*}/config" 2>/dev/null
cat "${0%/*}/events"
echo talk >&2
exit "$(cat "${0%/*}/status")"
"""
GOOD = '{"event": "run"}\n{"event": "result", "exitCode": 0}\n'


class Machine:
    """A machine in a directory, with an edgeadm that prints prepared events."""

    def __init__(self, root: Path) -> None:
        self.remote = ShRemote(root)
        self.bin = root / "usr/local/bin"
        self.state = root / "var/lib/edgeadm-fleet"
        self.running = root / "run/edgeadm-fleet"
        self.tree = root / "opt/edgeadm" / ("a" * 20)
        self.program = str(self.tree / "edgeadm")
        self.seen: list[Any] = []
        self.following = Following(self.seen.append)
        self.put(self.bin / "systemd-run", SYSTEMD_RUN)
        self.put(self.bin / "systemctl", SYSTEMCTL)
        self.put(self.tree / "edgeadm", EDGEADM)
        self.prepare(GOOD, 0)

    def put(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def prepare(self, events: str, status: int) -> None:
        self.put(self.tree / "events", events)
        self.put(self.tree / "status", str(status))

    def start(self, run: Run = RUN, *, purge: bool = False) -> None:
        config = [{"token": Secret(CANARY), "nodeName": "a'; reboot #"}]
        record = {"hash": "h"}
        start(self.remote, run, self.program, self.following, config=config, record=record, purge=purge)

    def files(self) -> list[Path]:
        return [each for top in (self.state, self.running) for each in top.rglob("*") if each.is_file()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_run_is_started_and_followed_in_one_shell(machine: Machine) -> None:
    machine.start()
    assert machine.remote.traffic.shells == 1
    assert [each["event"] for each in machine.seen] == ["run", "result"]
    argv = (machine.tree / "argv").read_text(encoding="utf-8")
    assert argv == f"join --config {machine.running}/{RUN.identifier}/config.yaml -o jsonl\n"
    assert (machine.state / "applied.json").read_text(encoding="utf-8") == '{"hash": "h"}\n'


def test_the_token_is_only_in_a_file_that_is_removed(machine: Machine) -> None:
    machine.start()
    assert f"token: {CANARY}\n" in (machine.tree / "config").read_text(encoding="utf-8")
    call = machine.remote.calls[0]
    assert CANARY not in call.script + " ".join(call.args)
    assert CANARY not in (machine.bin / "systemd-run.calls").read_text(encoding="utf-8")
    assert list(machine.running.iterdir()) == []
    assert not [each for each in machine.files() if CANARY in each.read_text(encoding="utf-8")]
    assert {each.stat().st_mode & 0o077 for each in machine.files()} == {0}


def test_values_of_a_document_do_not_reach_the_shell(machine: Machine) -> None:
    machine.start()
    assert "reboot" not in machine.remote.calls[0].script + " ".join(machine.remote.calls[0].args)
    assert "nodeName: 'a''; reboot #'" in (machine.tree / "config").read_text(encoding="utf-8")


def test_a_failed_run_leaves_no_record_and_no_token(machine: Machine) -> None:
    machine.prepare('{"event": "error", "code": "preflight", "message": "x", "exitCode": 2}\n', 2)
    with pytest.raises(RunFailedError) as caught:
        machine.start()
    assert caught.value.cause == "preflight"
    assert not (machine.state / "applied.json").exists()
    assert list(machine.running.iterdir()) == []


def test_a_run_without_a_result_is_interrupted(machine: Machine) -> None:
    machine.prepare('{"event": "run"}\n', 1)
    with pytest.raises(InterruptedRunError) as caught:
        machine.start()
    assert caught.value.message == "the run ended without a result: exited 1"
    assert caught.value.context == "talk"


def test_a_second_run_is_refused(machine: Machine) -> None:
    machine.put(machine.bin / "systemctl.busy", "edgeadm-fleet-join-x.service loaded active running x\n")
    with pytest.raises(LockedError) as caught:
        machine.start()
    assert caught.value.context == "edgeadm-fleet-join-x.service"
    assert not (machine.bin / "systemd-run.calls").exists()


def test_a_machine_that_serves_its_site_can_join(machine: Machine) -> None:
    machine.put(machine.bin / "systemctl.busy", "edgeadm-fleet-serve.service loaded active running x\n")
    machine.start()


def test_a_unit_that_does_not_start_leaves_no_token(machine: Machine) -> None:
    machine.put(machine.bin / "systemd-run.fails", "")
    with pytest.raises(StartError) as caught:
        machine.start()
    assert "Failed to start" in caught.value.context
    assert list(machine.running.iterdir()) == []


def test_following_continues_after_the_last_line(machine: Machine) -> None:
    machine.start()
    machine.seen.clear()
    again = Following(machine.seen.append, lines=1)
    follow(machine.remote, RUN, again)
    assert [each["event"] for each in machine.seen] == ["result"]


def test_a_machine_without_events_was_interrupted(machine: Machine) -> None:
    with pytest.raises(InterruptedRunError):
        follow(machine.remote, RUN, machine.following)


def test_a_reset_leaves_nothing_of_a_fleet(machine: Machine) -> None:
    machine.start()
    other = machine.tree.parent / "other"
    other.mkdir()
    (machine.bin / "edgeadm").symlink_to(machine.program)
    machine.start(RESET, purge=True)
    assert not machine.state.exists()
    assert not machine.running.exists()
    assert not machine.tree.exists()
    assert not (machine.bin / "edgeadm").is_symlink()
    assert other.is_dir()


def test_a_reset_before_a_join_keeps_the_files(machine: Machine) -> None:
    machine.start()
    machine.start(RESET)
    assert (machine.tree / "argv").read_text(encoding="utf-8") == "reset --force -o jsonl\n"
    assert machine.state.is_dir()
    assert not (machine.state / "applied.json").exists()


def test_a_failed_reset_removes_nothing(machine: Machine) -> None:
    machine.prepare('{"event": "error", "code": "x", "message": "x", "exitCode": 4}\n', 4)
    with pytest.raises(RunFailedError):
        machine.start(RESET, purge=True)
    assert machine.tree.is_dir()


def test_the_run_of_a_unit() -> None:
    assert Run.of(RUN.unit) == RUN
