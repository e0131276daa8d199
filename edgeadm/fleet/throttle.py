"""Limits the bytes that a site receives per second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock

from edgeadm.clock import CLOCK

# Seconds of transfer that may be sent at once.
BURST = 0.25


@dataclass
class Throttle:
    """A token bucket of `rate` bytes a second that the machines of a site share; 0 is unlimited."""

    rate: int = 0
    now: Callable[[], float] = CLOCK.now
    sleep: Callable[[float], None] = CLOCK.sleep
    _free_at: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def through(self, data: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks, each not before it is allowed."""
        for block in data:
            if self.rate:
                self._wait(len(block))
            yield block

    def _wait(self, size: int) -> None:
        with self._lock:
            now = self.now()
            start = max(self._free_at, now - BURST)
            self._free_at = start + size / self.rate
            delay = start - now
        if delay > 0:
            self.sleep(delay)
