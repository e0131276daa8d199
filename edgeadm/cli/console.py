"""Output of edgeadm: data on stdout, messages on stderr, and one format for all errors."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from edgeadm.errors import EdgeadmError


def data(text: str) -> None:
    """Print data to stdout."""
    click.echo(text)


def data_json(value: Any) -> None:
    """Print one JSON document to stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def talk(text: str) -> None:
    """Print a progress message to stderr."""
    click.echo(text, err=True)


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
