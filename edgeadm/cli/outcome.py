"""Converts failures of a command line into messages and exit statuses, in one place."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence

import click

from edgeadm.cli import console
from edgeadm.core.signals import StoppedError, end_like_ctrl_c
from edgeadm.errors import EdgeadmError, UsageError

# The status in a shell of a program that a signal ended, less the number of the signal.
ENDED_BY_SIGNAL = 128
INTERRUPTED = ENDED_BY_SIGNAL + signal.SIGINT
# The status of a program in a shell that wrote to a closed pipe.
BROKEN_PIPE = 141


class BugError(EdgeadmError):
    """An unexpected exception: a bug in edgeadm, please report it."""

    code = "bug"


def run(command: click.Command, argv: list[str] | None = None, obj: object = None) -> int:
    """The exit status of a command line: 0, an error's own, 1 for usage and bugs, 128 and the number of the
    signal that ended it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.

    click passes `obj` on to the verbs: a World, in tests.
    """
    words = sys.argv[1:] if argv is None else argv
    with end_like_ctrl_c():
        return _run(command, words, obj)


def _run(command: click.Command, words: list[str], obj: object) -> int:
    stdout = sys.stdout
    try:
        outcome = command.main(words, prog_name="edgeadm", standalone_mode=False, obj=obj)
    except EdgeadmError as error:
        return _show(error, words)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show(sys.stderr)
        return 1
    except click.ClickException as error:
        return _show(_usage(error), words)
    except (click.Abort, KeyboardInterrupt) as error:
        return _interrupted(error)
    except SystemExit:
        # For a closed pipe, click wraps stdout and exits with 1, as for an error of ours.
        if sys.stdout is not stdout:
            return BROKEN_PIPE
        raise
    except Exception as error:  # noqa: BLE001  the last net: an unexpected exception is a bug, and says so
        return _show(_bug(error), words)
    return outcome if isinstance(outcome, int) else 0


def _interrupted(error: BaseException) -> int:
    """click wraps the exception of a signal in an Abort."""
    cause = error.__cause__ if isinstance(error, click.Abort) else error
    if not isinstance(cause, StoppedError):
        console.talk("\ninterrupted; run the same command again to resume")
        return INTERRUPTED
    console.talk(
        f"\ninterrupted by {signal.Signals(cause.number).name}; run the same command again to resume"
    )
    return ENDED_BY_SIGNAL + cause.number


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
    if _wants_json(words):
        console.data_json({"error": error.as_dict()})
    return error.exit_code


def _wants_json(words: Sequence[str]) -> bool:
    """Whether this command line requested JSON: errors are then printed as JSON on stdout, too."""
    text = f" {' '.join(words)} "
    asked = re.search(r" (-[a-z]*o[= ]?|--output[= ])json ", text) is not None
    return asked or os.environ.get("EDGEADM_OUTPUT") == "json"
