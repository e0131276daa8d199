"""Waiting for a state: asked often, with generous patience."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(reached: Callable[[], bool], what: str, seconds: float = 300) -> None:
    """Return as soon as the state is reached; AssertionError with its name after `seconds`."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, f"not after {seconds:g} s: {what}"
        time.sleep(0.02)
