"""Output of edgeadm: data on stdout, messages on stderr, and one format for all errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from edgeadm.cli import stream
from edgeadm.core.events import Message, Warned
from edgeadm.errors import EdgeadmError

WARNING = "warning: "


def data(text: str) -> None:
    """Print data to stdout; with `-o jsonl` as an event."""
    events = stream.current()
    if events.is_open:
        events.emit(Message(text))
    else:
        click.echo(text)


def data_json(value: Any) -> None:
    """Print the JSON document of a verb to stdout; with `-o jsonl` it becomes the result of the run."""
    events = stream.current()
    if events.is_open:
        events.keep(value)
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def talk(text: str) -> None:
    """Print a message to stderr."""
    click.echo(text, err=True)


def say(text: str) -> None:
    """Print the progress of a verb without phases to stderr; with `-o jsonl` also as an event."""
    talk(text)
    stream.current().emit(Message(text))


def warn(text: str) -> None:
    """Print a warning to stderr; with `-o jsonl` also as an event."""
    talk(text)
    events = stream.current()
    events.emit(Warned(text.removeprefix(WARNING), events.phase))


def columns(rows: Sequence[Sequence[str]], gap: int = 3) -> list[str]:
    """The rows of a table as lines, with aligned columns and this number of spaces between them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        (" " * gap).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def colour(stream: Any = None) -> bool:
    """Whether to color the stream: it is a terminal, and NO_COLOR is not set."""
    return (stream or sys.stderr).isatty() and not os.environ.get("NO_COLOR")


def show_error(error: EdgeadmError, log: str = "") -> None:
    """Print `error: message [code]`, the indented context, and the hint."""
    talk(f"{_mark('error:', 'red')} {error.message} [{error.code}]")
    for line in error.context.splitlines():
        talk(f"  {line}")
    if error.hint:
        talk(f"\n{_mark('hint:', 'cyan')} {error.hint}")
    if log:
        talk(f"log: {log}")


def _mark(word: str, colour_name: str) -> str:
    return click.style(word, fg=colour_name, bold=True) if colour() else word
