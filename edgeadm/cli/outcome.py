"""From a command line to an exit status: the one place that turns failures into words and numbers."""

from __future__ import annotations

import os
import sys
import traceback

import click

from edgeadm.cli import console
from edgeadm.errors import EdgeadmError

INTERRUPTED = 130
BROKEN_PIPE = 141


def run(command: click.Command, argv: list[str] | None = None) -> int:
    """The exit status of a command line: 0, an error's own, 1 for usage and bugs, 130 when interrupted."""
    try:
        outcome = command.main(argv, prog_name="edgeadm", standalone_mode=False)
    except EdgeadmError as error:
        _show(error)
        return error.exit_code
    except click.UsageError as error:
        error.show(sys.stderr)
        return 1
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        console.talk("\ninterrupted; run the same command again to go on")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  the last net: an unexpected exception is a bug, and says so
        console.talk(f"error: this is a bug in edgeadm: {type(error).__name__}: {error} [bug]")
        if os.environ.get("EDGEADM_TRACEBACK"):
            traceback.print_exc()
        else:
            console.talk("\nhint: set EDGEADM_TRACEBACK=1 and run it again to see where")
        return 1
    return outcome if isinstance(outcome, int) else 0


def _show(error: EdgeadmError) -> None:
    console.show_error(error, log=getattr(error, "log", ""))
    if _wants_json():
        console.data_json({"error": error.as_dict()})


def _wants_json() -> bool:
    """Whether this command line asked for JSON: an error must then be JSON on stdout, too."""
    words = sys.argv[1:]
    return any(
        word in ("-ojson", "--output=json") or words[i : i + 2] in (["-o", "json"], ["--output", "json"])
        for i, word in enumerate(words)
    )
