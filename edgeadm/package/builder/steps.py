"""What a long build says while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]
# Steps that are quicker than this say nothing about their time.
WORTH_A_LINE = 1.0


class Steps:
    """Numbered steps, `[3/14] …`, each followed by the seconds that it took."""

    def __init__(self, say: Say, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.say = say
        self._count = count
        self._clock = clock
        self._number = 0
        self._indent = " " * (len(f"[{count}/{count}]") + 1)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step: its line now, its seconds when it is done."""
        self._number += 1
        number = f"[{self._number}/{self._count}]"
        self.say(f"{number:{len(self._indent)}}{title}")
        started = self._clock()
        yield
        seconds = self._clock() - started
        if seconds >= WORTH_A_LINE:
            self.detail(f"{seconds:.1f} s")

    def detail(self, text: str) -> None:
        """A line that belongs to the step at hand."""
        self.say(f"{self._indent}{text}")
