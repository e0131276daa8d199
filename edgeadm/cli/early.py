"""Options that stand before a sub-command, where nobody would read them."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.core import ParameterSource

from edgeadm.config.model import flag_of
from edgeadm.errors import UsageError


def refuse_early_options(ctx: click.Context, verb: str, but: Sequence[str] = ()) -> None:
    """`edgeadm init --config f phase x` would silently lose `--config f`. Raises UsageError; `but` are
    parameters that are no options."""
    command_line = ParameterSource.COMMANDLINE
    early = [
        name for name in ctx.params if name not in but and ctx.get_parameter_source(name) is command_line
    ]
    if early:
        below = ctx.invoked_subcommand
        raise UsageError(
            f"options stand before `{below}`",
            hint=f"put them at the end: `edgeadm {verb} {below} … {flag_of(early[0])} …`",
        )
