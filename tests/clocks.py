"""A clock for tests: time passes only while somebody sleeps, and then fast."""

from __future__ import annotations

from edgeadm.clock import Clock


def ticking(least: float = 20.0) -> Clock:
    """Each sleep lasts this many seconds at least, and takes no time."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += max(seconds, least)

    return Clock(lambda: now[0], sleep)
