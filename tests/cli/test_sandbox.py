"""`edgeadm sandbox` up to the machine: usage, names, rights. What it does is in tests/e2e."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from edgeadm.cli import root
from edgeadm.cli.outcome import run


@pytest.fixture
def anybody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Not root, whoever runs the tests; sandboxes are looked for in an empty folder."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("EDGEADM_SANDBOX_DIR", str(tmp_path / "sandboxes"))
    return tmp_path / "sandboxes"


@pytest.fixture
def superuser(monkeypatch: pytest.MonkeyPatch, anybody: Path) -> Path:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return anybody


COMMANDS = (
    ("up",),
    ("ls",),
    ("exec", "cp1", "--", "true"),
    ("cp", "file", "cp1:/root"),
    ("link", "cp1", "up"),
    ("nat", "cp1", "on"),
    ("power", "cp1", "on"),
    ("vm", "cp1"),
    ("down", "--all"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_it_needs_root(words: tuple[str, ...], anybody: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, ["sandbox", *words]) == 1
    assert "[not-root]" in capsys.readouterr().err
    assert not anybody.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("up", "--edges", "-1"), "--edges"),
        (("up", "--edges", "many"), "--edges"),
        (("exec", "cp1"), "CMD"),
        (("link", "cp1", "on"), "'up', 'down'"),
        (("link", "cp1"), "pass either `up` or `down`"),
        (("link", "cp1", "up", "--loss", "5%"), "pass either `up` or `down`"),
        (("link", "cp1", "up", "--no-address"), "--no-address requires `down`"),
        (("link", "cp1", "--no-address", "--loss", "5%"), "--no-address requires `down`"),
        (("link", "cp1", "--delay", "300"), "--delay: invalid value `300` [bad-line]"),
        (("link", "cp1", "--loss", "200%"), "--loss: 200% is more than 100% [bad-line]"),
        (("link", "cp1", "--rate", "1mb"), "--rate: invalid value `1mb` [bad-line]"),
        (("nat", "cp1", "up"), "'on', 'off'"),
        (("power", "cp1"), "cycle"),
        (("power", "cp1", "reset"), "'cycle'"),
        (("vm",), "NODE"),
        (("vm", "cp1", "--cache", "unsafe"), "'writeback', 'none'"),
        (("vm", "cp1", "--accel", "xen"), "'auto', 'kvm', 'tcg'"),
        (("vm", "cp1", "--memory", "12"), "--memory"),
        (("vm", "cp1", "--back", "--clock", "now"), "--back takes no other option"),
        (("vm", "cp1", "--clock", "yesterday"), "--clock: `yesterday` is not a date"),
        (("frobnicate",), "frobnicate"),
        (("up", "--name", "No Name"), "[bad-sandbox-name]"),
        (("down", "--name", "../x"), "[bad-sandbox-name]"),
    ],
)
def test_words_that_make_no_sense(
    words: tuple[str, ...], said: str, superuser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, ["sandbox", *words]) == 1
    assert said in capsys.readouterr().err
    assert not superuser.exists()


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words[0] not in ("up", "cp", "down", "power")]
)
def test_a_sandbox_that_is_not_there(
    words: tuple[str, ...], superuser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, ["sandbox", *words]) == 1
    assert "there is no sandbox `demo` [no-sandbox]" in capsys.readouterr().err


def test_files_to_copy(superuser: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, ["sandbox", "cp", str(tmp_path / "gone"), "cp1:/root"]) == 1
    assert "there is no " in capsys.readouterr().err
    assert run(root, ["sandbox", "cp", "here", "there"]) == 1
    assert "neither path names a node [usage]" in capsys.readouterr().err


def test_an_error_is_json_on_request(
    superuser: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEADM_SANDBOX_NAME", "other")
    argv = ["sandbox", "ls", "-o", "json"]
    monkeypatch.setattr(sys, "argv", ["edgeadm", *argv])
    assert run(root, argv) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["message"]) == ("no-sandbox", "there is no sandbox `other`")
