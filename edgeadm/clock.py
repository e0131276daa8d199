"""The clock, and the one loop that waits for a state. This module imports nothing of ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """Seconds that only go forward, and a way to let them pass. Tests exchange both."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def poll(self, probe: Callable[[], T], seconds: float, every: float) -> T:
        """Call `probe`, once at least, until its answer is true or the time is over; its last answer comes
        back. `every` are the seconds between two calls."""
        end = self.now() + seconds
        while True:
            found = probe()
            if found or self.now() >= end:
                return found
            self.sleep(every)


CLOCK = Clock()
