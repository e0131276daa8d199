"""Runs kubeadm: prints its lines until its closing text, and raises its failure as a phase's."""

from __future__ import annotations

from collections.abc import Sequence

from edgeadm.core.phase import Context
from edgeadm.errors import CommandError, PhaseError


def run_kubeadm(ctx: Context, command: Sequence[str], end_of_talk: str, hint: str) -> None:
    """Run `kubeadm VERB …`. From `end_of_talk` on it speaks of next steps, which edgeadm words itself.

    Raises PhaseError with kubeadm's own words and the hint."""
    quiet = False

    def line(text: str) -> None:
        nonlocal quiet
        quiet = quiet or end_of_talk in text
        if not quiet:
            ctx.say(text)

    try:
        ctx.host.run(*command, on_line=line)
    except CommandError as error:
        raise PhaseError(f"{' '.join(command[:2])} failed", context=error.context, hint=hint) from error
