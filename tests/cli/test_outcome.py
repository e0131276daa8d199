"""From failures to words and numbers:

- the picture of an error: message, code, context, hint, log
- exit statuses: usage, an error's own, interrupted, bugs, a closed pipe
- `-o json`: the error is JSON on stdout as well
- colour: none into a pipe, none with NO_COLOR
- words that are nearly right
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import click
import pytest

from edgeadm.cli import SUMMARIES, VERBS, Verbs, console, root
from edgeadm.cli.outcome import run
from edgeadm.errors import ConfigError, EdgeadmError, LockedError, PreflightError


def raises(error: BaseException) -> click.Command:
    @click.command("fail", context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1)
    def command(rest: tuple[str, ...]) -> None:
        raise error

    return command


def test_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigError("`nod` is no key", context="in a.yaml\nline 3", hint="did you mean `node`?")
    error.log = "/var/log/edgeadm/init.log"  # type: ignore[attr-defined]
    assert run(raises(error), []) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "error: `nod` is no key [invalid-config]\n"
        "  in a.yaml\n"
        "  line 3\n"
        "\n"
        "hint: did you mean `node`?\n"
        "log: /var/log/edgeadm/init.log\n"
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EdgeadmError("general"), 1),
        (PreflightError("preflight"), 2),
        (ConfigError("validation"), 3),
        (LockedError("lock"), 8),
        (click.UsageError("Usage."), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (ZeroDivisionError("a bug"), 1),
    ],
)
def test_exit_status(error: BaseException, status: int) -> None:
    assert run(raises(error), []) == status


def test_a_status_that_a_verb_returns_is_the_programs_own() -> None:
    assert run(click.Command("seven", callback=lambda: 7), []) == 7


@pytest.mark.parametrize("words", [["-o", "json"], ["-ojson"], ["--output=json"], ["--output", "json"]])
def test_json_was_asked_for(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(raises(PreflightError("two checks failed", findings=[{"name": "Swap"}])), words)
    out, err = capsys.readouterr()
    assert json.loads(out)["error"] == {
        "code": "preflight",
        "message": "two checks failed",
        "exitCode": 2,
        "findings": [{"name": "Swap"}],
    }
    assert err.startswith("error: two checks failed [preflight]\n")


def test_usage_errors_have_the_same_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, ["version", "--outputt", "json"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: no such option")
    assert err.endswith("[usage]\n\nhint: see `edgeadm version --help`\n")


def test_a_word_that_is_nearly_a_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, ["versoin"]) == 1
    expected = (
        "error: `versoin` is not a command of edgeadm [usage]\n\nhint: did you mean `edgeadm version`?\n"
    )
    assert capsys.readouterr().err == expected


def test_a_word_that_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, ["qqqq"]) == 1
    assert "hint: see `edgeadm --help`" in capsys.readouterr().err


def test_a_bug_says_so_and_where(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(raises(ZeroDivisionError("by zero")), [])
    err = capsys.readouterr().err
    assert "this is a bug in edgeadm: ZeroDivisionError: by zero (command, line" in err
    assert "[bug]" in err
    assert "hint: set EDGEADM_TRACEBACK=1" in err
    monkeypatch.setenv("EDGEADM_TRACEBACK", "1")
    run(raises(ZeroDivisionError("by zero")), [])
    err = capsys.readouterr().err
    assert "  Traceback (most recent call last):" in err
    assert "hint:" not in err


def test_interrupted_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    run(raises(KeyboardInterrupt()), [])
    assert "run the same command again" in capsys.readouterr().err


class Terminal:
    def isatty(self) -> bool:
        return True


def test_colour_needs_a_terminal_and_no_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not console.colour(Terminal())
    monkeypatch.delenv("NO_COLOR")
    assert console.colour(Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    assert console.colour(Terminal()), "an empty NO_COLOR counts as not set"


def test_a_closed_pipe_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "edgeadm", "version"]
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == b""


def test_no_words_at_all_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, []) == 1
    assert capsys.readouterr().err.startswith("Usage: edgeadm")


def test_the_help_lists_every_verb_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, ["--help"]) == 0
    listed = capsys.readouterr().out.split("Commands:")[1]
    assert re.findall(r"^  (\S+)", listed, re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_summary_is_the_commands_own(verb: str) -> None:
    command = Verbs().get_command(click.Context(root), verb)
    assert command is not None
    assert SUMMARIES[verb] == command.get_short_help_str(200).removesuffix(".") + "."


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, ["completion", shell]) == 0
    assert "_EDGEADM_COMPLETE" in capsys.readouterr().out


def test_typing_completes_verbs_and_options() -> None:
    ctx = click.Context(root)
    assert [item.value for item in root.shell_complete(ctx, "ver")] == ["version"]
    assert "--help" in [item.value for item in root.shell_complete(ctx, "--")]
