"""Progress messages of a build."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]
# The time of faster steps is not printed.
WORTH_A_LINE = 1.0


class Steps:
    """Numbered steps, `[3/14] …`, each followed by its time in seconds."""

    def __init__(self, say: Say, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.say = say
        self._count = count
        self._clock = clock
        self._number = 0
        self._indent = " " * (len(f"[{count}/{count}]") + 1)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step: prints its line at the start, its time at the end."""
        self._number += 1
        number = f"[{self._number}/{self._count}]"
        self.say(f"{number:{len(self._indent)}}{title}")
        started = self._clock()
        yield
        seconds = self._clock() - started
        if seconds >= WORTH_A_LINE:
            self.detail(f"{seconds:.1f} s")

    def detail(self, text: str) -> None:
        """Print a line of the current step."""
        self.say(f"{self._indent}{text}")
