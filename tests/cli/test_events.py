"""`-o jsonl`: the events of every verb that changes something, held against the published schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from edgeadm.cli import console, root, stream
from edgeadm.cli.outcome import run
from edgeadm.core.events import EVENTS
from edgeadm.core.journal import Journal
from edgeadm.hosts import Result
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.cli.world import Ended, edgeadm, logs
from tests.edge_node import EdgeNode, edge_node
from tests.golden.test_event_schema import PUBLISHED
from tests.machine import Machine

SCHEMA = Draft202012Validator(json.loads(PUBLISHED.read_text(encoding="utf-8")))
PACKAGE = ("--install-pkg-path", "/mnt/package")
INIT = ("init", *PACKAGE, "--pod-network-cidr", "192.168.0.0/16")
TOKEN = "abcdef.0123456789abcdef"
SECRET = TOKEN.partition(".")[2]
JOIN = (
    *("join", "10.0.0.11:6443", "--token", TOKEN),
    *("--discovery-token-ca-cert-hash", discovery_hash(authority()[0]), *PACKAGE),
)


def parsed(text: str) -> list[dict[str, Any]]:
    """The events of one run. Each line is valid, and only the last one ends the run."""
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        SCHEMA.validate(event)
    assert len({event["run"] for event in events}) == 1
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    ends = [event["event"] in ("result", "error") for event in events]
    assert ends == [*[False] * (len(events) - 1), True]
    return events


def events_of(ended: Ended, status: int = 0) -> list[dict[str, Any]]:
    assert ended.status == status, ended.err
    found = parsed(ended.out)
    assert found[-1]["exitCode"] == status
    return found


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def node(tmp_path: Path) -> EdgeNode:
    return edge_node(tmp_path)


@pytest.mark.parametrize("words", [INIT, JOIN], ids=["init", "join"])
def test_phases_are_followed_from_start_to_result(words: tuple[str, ...], machine: Machine) -> None:
    events = events_of(edgeadm(machine, *words, "-o", "jsonl"))
    assert events[0]["event"] == "run"
    assert events[0]["verb"] == words[0]
    open_phases: list[str] = []
    for event in events[1:-1]:
        if event["event"] == "phase-begin":
            open_phases.append(event["phase"])
        elif event["event"] == "phase-end":
            assert open_phases.pop() == event["phase"]
        else:
            assert open_phases == [event["phase"]]
    result = events[-1]["result"]
    assert result["verb"] == words[0]
    ends = named(events, "phase-end")
    assert [(each["phase"], each["result"]) for each in ends] == [
        (each["phase"], each["result"]) for each in result["phases"]
    ]
    assert named(events, "phase-line")


def test_the_result_is_the_document_of_json_and_stderr_is_unchanged(tmp_path: Path) -> None:
    one, other = Machine(tmp_path / "one"), Machine(tmp_path / "other")
    plain, lines = edgeadm(one, *INIT, "-o", "json"), edgeadm(other, *INIT, "-o", "jsonl")
    shown, result = json.loads(plain.out), events_of(lines)[-1]["result"]
    for document in (shown, result):
        document.pop("log")
        document.pop("caCertHash")
        for phase in document["phases"]:
            phase.pop("seconds")
    assert result == shown
    assert [line for line in lines.err.splitlines() if "[certs]" not in line] == [
        line for line in plain.err.splitlines() if "[certs]" not in line
    ]


def test_reset_has_its_leftovers_in_the_result(machine: Machine) -> None:
    edgeadm(machine, *INIT)
    machine.host.files["/opt/cni/bin/mine"] = b""
    events = events_of(edgeadm(machine, "reset", "-f", "-o", "jsonl"))
    assert {each["phase"] for each in named(events, "phase-end")} >= {"kubeadm", "files", "state"}
    assert events[-1]["result"]["residue"] == [{"what": "/opt/cni/bin", "reason": "not created by edgeadm"}]


def test_verbs_for_a_cluster(machine: Machine) -> None:
    machine.make_control_plane()
    for words in (("addon", "edge-apps"), ("certs", "renew"), ("detach", "edge-apps")):
        events = events_of(edgeadm(machine, *words, "-o", "jsonl"))
        assert events[0]["verb"] == " ".join(words)
        assert events[-1]["result"]["verb"] == " ".join(words)


def test_tokens(machine: Machine) -> None:
    machine.make_control_plane()
    created = events_of(edgeadm(machine, "token", "create", TOKEN, "-o", "jsonl"))
    assert [each["event"] for each in created] == ["run", "result"]
    assert created[0]["verb"] == "token create"
    assert created[-1]["result"]["token"] == TOKEN
    deleted = events_of(edgeadm(machine, "token", "delete", TOKEN, "-o", "jsonl"))
    assert deleted[-1]["result"] == {"deleted": ["abcdef"], "dryRun": False}


def test_a_drill_reports_its_progress_and_its_exit_status(node: EdgeNode) -> None:
    words = ("drill", "offline", "--minutes", "2", "-o", "jsonl")
    events = events_of(edgeadm(node.machine, *words, probes=node.probes()))
    assert any("the API server is blocked" in each["message"] for each in named(events, "message"))
    assert events[-1]["result"]["survived"] is True


def test_a_single_phase(machine: Machine) -> None:
    events = events_of(edgeadm(machine, "init", "phase", "node", "-o", "jsonl"))
    assert events[0]["verb"] == "init"
    assert {each["phase"] for each in named(events, "phase-begin")} == {"node"}


def test_a_dry_run_has_its_changes_in_the_result(machine: Machine) -> None:
    events = events_of(edgeadm(machine, *INIT, "--dry-run", "-o", "jsonl"))
    assert events[-1]["result"]["dryRun"] is True
    assert events[-1]["result"]["changes"]
    assert machine.host.ran == []


def test_a_warning_names_its_phase_and_has_no_prefix(machine: Machine) -> None:
    machine.host.write("/etc/hosts", b"127.0.0.1 localhost\n")
    machine.reached = ("https://kubernetes.default:6443", "203.0.113.7")
    events = events_of(edgeadm(machine, *JOIN, "-o", "jsonl"))
    warnings = {each["message"]: each["phase"] for each in named(events, "warning")}
    found = [text for text in warnings if text.startswith("the API server's certificate is not valid for")]
    assert [warnings[text] for text in found] == ["hosts"]


def test_a_failed_phase_ends_before_the_error(machine: Machine) -> None:
    machine.host.answers["kubeadm join"] = Result(code=1, err=f"[preflight] no {TOKEN}\n")
    events = events_of(edgeadm(machine, *JOIN, "-o", "jsonl"), status=4)
    assert (events[-2]["phase"], events[-2]["result"]) == ("kubeadm", "failed")
    error = events[-1]
    assert (error["code"], error["message"]) == ("phase-failed", "kubeadm join failed")
    assert error["hint"]
    assert Path(error["log"]).is_file()
    assert error["log"] == events[0]["log"]


def test_secrets_are_masked_in_every_event(machine: Machine) -> None:
    machine.host.answers["kubeadm join"] = Result(code=1, err=f"bad token {TOKEN}\n")
    ended = edgeadm(machine, *JOIN, "-o", "jsonl")
    assert "bad token ***" in ended.out
    assert SECRET not in ended.out


def test_the_log_and_the_journal_have_the_run_id(machine: Machine) -> None:
    events = events_of(edgeadm(machine, *INIT, "-o", "jsonl"))
    assert {record.run for record in Journal(machine.host).records()} == {events[0]["run"]}
    assert f"init, run {events[0]['run']}\n" in logs(machine).splitlines(keepends=True)[0]


def test_preflight_errors_are_listed(machine: Machine) -> None:
    ended = edgeadm(machine, *JOIN, "--node-ip", "10.9.9.9", "-o", "jsonl")
    error = events_of(ended, status=2)[-1]
    assert error["code"] == "preflight"
    assert error["findings"]


BAD: list[tuple[str, tuple[str, ...], str, int]] = [
    ("an unknown verb", ("initt", "-o", "jsonl"), "usage", 1),
    ("an unknown option", ("init", "-o", "jsonl", "--no-such"), "usage", 1),
    ("an unknown option first", ("init", "--no-such", "-ojsonl"), "usage", 1),
    ("an invalid value", ("init", "--output=jsonl", "--tunnel-port", "1"), "invalid-config", 3),
    ("a missing argument", ("token", "delete", "-o", "jsonl"), "usage", 1),
    ("an unknown phase", ("init", "--skip-phases=nod", "-o", "jsonl"), "unknown-phase", 1),
    ("options before a phase", ("init", "-o", "jsonl", "phase", "node"), "usage", 1),
    ("a wrong drill", ("drill", "offline", "--minutes", "0", "-o", "jsonl"), "invalid-config", 3),
    ("a verb that changes nothing", ("version", "-o", "jsonl"), "usage", 1),
    ("a plan", ("init", "plan", "-o", "jsonl"), "usage", 1),
    ("a list", ("token", "list", "-o", "jsonl"), "usage", 1),
]


@pytest.mark.parametrize(("name", "words", "code", "status"), BAD, ids=[case[0] for case in BAD])
def test_bad_input_gives_one_error_line(
    name: str, words: tuple[str, ...], code: str, status: int, machine: Machine
) -> None:
    events = events_of(edgeadm(machine, *words), status=status)
    assert [(each["event"], each["code"]) for each in events] == [("error", code)]
    assert events[0]["hint"]
    assert machine.host.ran == []


def test_a_host_where_root_is_missing_gives_one_error_line(machine: Machine) -> None:
    events = events_of(edgeadm(machine, *INIT, "-o", "jsonl", is_root=False), status=1)
    assert [each["code"] for each in events] == ["not-root"]


def test_the_variable_opens_the_stream(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEADM_OUTPUT", "jsonl")
    assert events_of(edgeadm(machine, "init", "phase", "node"))[0]["event"] == "run"
    assert events_of(edgeadm(machine, "version"), status=1)[0]["code"] == "usage"


def changing_commands(command: click.Command, path: str) -> Iterator[str]:
    """The paths of all commands with `-o jsonl`."""
    for each in command.params:
        if "--output" in each.opts and isinstance(each.type, click.Choice) and "jsonl" in each.type.choices:
            yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from changing_commands(below, f"{path} {name}".strip())


def test_every_verb_that_changes_something_has_events() -> None:
    found = {path for path in changing_commands(root, "") if " phase " not in path}
    sandbox = ["up", "cp", "link", "nat", "dhcp", "nic", "power", "vm", "down", "save", "restore", "saved"]
    assert found == {
        *("init", "join", "reset", "addon edge-apps", "detach edge-apps", "certs renew"),
        *("addon fleet", "detach fleet"),
        *("token create", "token delete", "drill offline", "drill lift", "package build"),
        *("nodes add", "nodes reset", "nodes reinstall", "apply"),
        *(f"sandbox {name}" for name in sandbox),
    }


def test_a_verb_that_only_prints_a_document_has_begin_and_result(capsys: pytest.CaptureFixture[str]) -> None:
    def verb() -> int:
        stream.current().open("verb")
        console.say("working")
        console.data("text")
        console.data_json([1])
        return 2

    assert run(click.Command("verb", callback=verb), []) == 2
    out, err = capsys.readouterr()
    events = parsed(out)
    assert [each["event"] for each in events] == ["run", "message", "message", "result"]
    assert (events[-1]["result"], events[-1]["exitCode"], err) == ([1], 2, "working\n")


def test_threads_of_a_verb_write_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    def verb() -> None:
        stream.current().open("verb")
        threads = [threading.Thread(target=console.say, args=(f"thread {i}",)) for i in range(16)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    assert run(click.Command("verb", callback=verb), []) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["message"] for each in named(lines, "message")} == {f"thread {i}" for i in range(16)}
    assert [each["event"] for each in lines].count("run") == 1
    assert lines[0]["event"] == "run"


def test_a_closed_pipe_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "edgeadm", "init", "--no-such-option", "-o", "jsonl"]
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr
    assert b"Broken" not in done.stderr


def test_the_schema_refuses_a_line_that_lacks_a_field_or_has_an_unknown_event() -> None:
    line = {
        "schema": 1,
        "run": "01a21784-448f-77f8-8c99-a548fea7970c",
        "time": "2026-11-26T11:01:14.690Z",
        "event": "phase-line",
        "phase": "node",
        "message": "x",
    }
    assert SCHEMA.is_valid(line)
    assert not any(SCHEMA.is_valid({key: line[key] for key in line if key != gone}) for gone in line)
    assert not SCHEMA.is_valid(line | {"event": "unknown"})
    assert len({each.event for each in EVENTS}) == len(EVENTS)
