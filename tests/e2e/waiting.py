"""Waits for a state: with frequent checks at first, and a generous time-out."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgeadm.errors import CommandError

OFTEN = 0.02  # seconds


def until(reached: Callable[[], bool], what: str, seconds: float = 480, pause: float = 1.0) -> None:
    """Return as soon as the state is reached; raises AssertionError with its name after `seconds`.

    A failing command counts as "not yet", because a restarting API server cannot respond. The interval grows
    to `pause` seconds: most checks start programs, which compete for the processor.
    """
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
