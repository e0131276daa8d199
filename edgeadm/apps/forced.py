"""The effect of `detach --force`."""

from __future__ import annotations

from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError


def unless_forced(ctx: Context, refusal: EdgeadmError, warning: str) -> None:
    """Raises the error; with `--force` it prints the warning instead."""
    if not ctx.config.addon.force:
        raise refusal
    ctx.warn(warning)
