"""Converts failures of a command line into messages and exit statuses, in one place."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from edgeadm.cli import console, stream
from edgeadm.cli.options import EVENTS
from edgeadm.cli.stream import Stream
from edgeadm.core.signals import StoppedError, end_like_ctrl_c
from edgeadm.errors import EdgeadmError, UsageError

# The status in a shell of a program that a signal ended, less the number of the signal.
ENDED_BY_SIGNAL = 128
INTERRUPTED = ENDED_BY_SIGNAL + signal.SIGINT
# The status of a program in a shell that wrote to a closed pipe.
BROKEN_PIPE = 141


class InterruptedRunError(EdgeadmError):
    """Ctrl-C, SIGTERM or SIGHUP ended the run; the exit status is 128 and the number of the signal. Only
    `-o jsonl` prints it as an error."""

    code = "interrupted"
    exit_code = INTERRUPTED


class BugError(EdgeadmError):
    """An unexpected exception: a bug in edgeadm, please report it."""

    code = "bug"


def run(command: click.Command, argv: list[str] | None = None, obj: object = None) -> int:
    """The exit status of a command line: 0, an error's own, 1 for usage and bugs, 128 and the number of the
    signal that ended it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.

    click passes `obj` on to the verbs: a World, in tests.
    """
    words = sys.argv[1:] if argv is None else argv
    with end_like_ctrl_c(), stream.running() as events:
        try:
            return _run(command, words, obj, events)
        except BrokenPipeError:
            # Otherwise the interpreter would write the rest of the buffer again when it exits.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
            return BROKEN_PIPE


def _run(command: click.Command, words: list[str], obj: object, events: Stream) -> int:
    stdout = sys.stdout
    try:
        outcome = command.main(words, prog_name="edgeadm", standalone_mode=False, obj=obj)
        status = outcome if isinstance(outcome, int) else 0
        events.end(status)
    except EdgeadmError as error:
        return _show(error, words)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show(sys.stderr)
        return 1
    except click.ClickException as error:
        return _show(_usage(error), words)
    except (click.Abort, KeyboardInterrupt) as error:
        return _interrupted(error, events)
    except BrokenPipeError:
        raise
    except SystemExit:
        # For a closed pipe, click wraps stdout and exits with 1, as for an error of ours.
        if sys.stdout is not stdout:
            return BROKEN_PIPE
        raise
    except Exception as error:  # noqa: BLE001  the last net: an unexpected exception is a bug, and says so
        return _show(_bug(error), words)
    return status


def _interrupted(error: BaseException, events: Stream) -> int:
    """click wraps the exception of a signal in an Abort."""
    cause = error.__cause__ if isinstance(error, click.Abort) else error
    number = cause.number if isinstance(cause, StoppedError) else signal.SIGINT
    by = f" by {signal.Signals(number).name}" if isinstance(cause, StoppedError) else ""
    status, hint = ENDED_BY_SIGNAL + number, "run the same command again to resume"
    console.talk(f"\ninterrupted{by}; {hint}")
    if events.is_open:
        events.fail(InterruptedRunError(f"interrupted{by}", hint=hint), status)
    return status


def _usage(error: click.ClickException) -> UsageError:
    """Click's error message in our form, without its final full stop."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "edgeadm"
    message = error.format_message().removesuffix(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"see `{path} --help`")


def _bug(error: Exception) -> BugError:
    where = traceback.extract_tb(error.__traceback__)[-1:]
    context = "".join(traceback.format_exception(error)) if os.environ.get("EDGEADM_TRACEBACK") else ""
    hint = "set EDGEADM_TRACEBACK=1 and run the command again to print the traceback"
    place = f" ({where[0].name}, line {where[0].lineno})" if where else ""
    return BugError(
        f"this is a bug in edgeadm: {type(error).__name__}: {error}{place}",
        context=context,
        hint="" if context else hint,
    )


def _show(error: EdgeadmError, words: Sequence[str]) -> int:
    console.show_error(error, log=getattr(error, "log", ""))
    events, wanted = stream.current(), _wanted_format(words)
    if events.is_open or wanted == EVENTS:
        events.fail(error, error.exit_code)
    elif wanted == "json":
        console.data_json({"error": error.as_dict()})
    return error.exit_code


def _wanted_format(words: Sequence[str]) -> str:
    """The output format that this command line requests, also if it is invalid: errors are then printed to
    stdout in this format, too."""
    asked = re.search(r" (?:-[a-z]*o[= ]?|--output[= ])(jsonl?) ", f" {' '.join(words)} ")
    return asked[1] if asked else os.environ.get("EDGEADM_OUTPUT", "")
