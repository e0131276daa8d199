"""How edgeadm speaks: data on stdout, talk on stderr, one picture for every error."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from edgeadm.errors import EdgeadmError


def data(text: str) -> None:
    """What the command was asked for, on stdout."""
    click.echo(text)


def data_json(value: Any) -> None:
    """The same for programs: one JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def talk(text: str) -> None:
    """What is going on, on stderr."""
    click.echo(text, err=True)


def colour(stream: Any = None) -> bool:
    """Whether to use colour on the stream: a terminal, and no NO_COLOR."""
    return (stream or sys.stderr).isatty() and not os.environ.get("NO_COLOR")


def show_error(error: EdgeadmError, log: str = "") -> None:
    """`error: message [code]`, the context indented, the hint apart."""
    talk(f"{_mark('error:', 'red')} {error.message} [{error.code}]")
    for line in error.context.splitlines():
        talk(f"  {line}")
    if error.hint:
        talk(f"\n{_mark('hint:', 'cyan')} {error.hint}")
    if log:
        talk(f"log: {log}")


def _mark(word: str, colour_name: str) -> str:
    return click.style(word, fg=colour_name, bold=True) if colour() else word
