"""What `detach --force` is for."""

from __future__ import annotations

from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError


def unless_forced(ctx: Context, refusal: EdgeadmError, warning: str) -> None:
    """Raises the refusal; with `--force` it says the warning instead."""
    if not ctx.config.addon.force:
        raise refusal
    ctx.warn(warning)
