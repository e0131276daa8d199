"""Waiting for a state: asked often at first, with generous patience."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgeadm.errors import CommandError

OFTEN = 0.02  # seconds


def until(reached: Callable[[], bool], what: str, seconds: float = 480, pause: float = 1.0) -> None:
    """Return as soon as the state is reached; AssertionError with its name after `seconds`.

    A command that fails is no answer: an API server that restarts cannot be asked. The time between two
    questions grows to `pause` seconds: most of them start programs, which take the processor away from those
    that are waited for."""
    end, growing = time.monotonic() + seconds, OFTEN
    while True:
        said = ""
        try:
            if reached():
                return
        except CommandError as error:
            said = f": {error.message}\n{error.context}"
        assert time.monotonic() < end, f"not after {seconds:g} s: {what}{said}"
        time.sleep(growing)
        growing = min(1.5 * growing, pause)
