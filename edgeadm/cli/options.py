"""Click options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from edgeadm.cli import stream

F = TypeVar("F", bound=Callable[..., Any])
NAMES = ("-o", "--output")
EVENTS = "jsonl"


def output(func: F) -> F:
    """`-o text|json`, for verbs that change nothing."""
    return click.option(*NAMES, show_default=True, **_format())(func)


def output_events(func: F) -> F:
    """`-o text|json|jsonl`, for verbs that change something."""
    return click.option(*NAMES, show_default=True, **_format(events=True))(func)


def output_wide(func: F) -> F:
    """`-o text|wide|json`, for tables of verbs that change nothing."""
    return click.option(*NAMES, show_default=True, **_format(wide=True))(func)


def output_wide_events(func: F) -> F:
    """`-o text|wide|json|jsonl`, for verbs that change something and print a table."""
    return click.option(*NAMES, show_default=True, **_format(events=True, wide=True))(func)


def long_output_events(func: F) -> F:
    """`--output text|json|jsonl`, for a verb whose `-o` is a file."""
    return click.option("--output", show_default=True, **_format(events=True))(func)


def output_option(*, events: bool) -> click.Option:
    """The option for the output format. With `events`, it accepts `jsonl`, which opens the event stream; the
    verb then gets the value `json`."""
    return click.Option(NAMES, **_format(events=events))


def _format(*, events: bool = False, wide: bool = False) -> dict[str, Any]:
    names = ["text", *(["wide"] if wide else []), "json", *([EVENTS] if events else [])]
    return {
        "type": click.Choice(names),
        "default": "text",
        "envvar": "EDGEADM_OUTPUT",
        "help": "Output format.",
        "callback": _opened,
    }


def _opened(ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if value != EVENTS:
        return value
    if not ctx.resilient_parsing:
        stream.current().open(ctx.command_path.partition(" ")[2].partition(" phase ")[0])
    return "json"
