"""Rejects options before a sub-command, which would otherwise be ignored."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.core import ParameterSource

from edgeadm.config.model import flag_of
from edgeadm.errors import UsageError


def refuse_early_options(ctx: click.Context, verb: str, but: Sequence[str] = ()) -> None:
    """Reject `edgeadm init --config f phase x`, which would ignore `--config f`. Raises UsageError; `but`
    names arguments to skip."""
    command_line = ParameterSource.COMMANDLINE
    early = [
        name for name in ctx.params if name not in but and ctx.get_parameter_source(name) is command_line
    ]
    if early:
        below = ctx.invoked_subcommand
        raise UsageError(
            f"options must follow `{below}`",
            hint=f"put them at the end: `edgeadm {verb} {below} … {flag_of(early[0])} …`",
        )
