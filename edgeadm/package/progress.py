"""How far the reading of a package has come, said now and then: a slow machine needs minutes for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeadm.package.manifest import FileEntry

MIB = 1 << 20
LEAST, MOST = 2.0, 10.0  # seconds between two lines: at least, and where a tenth takes longer


@dataclass
class Progress:
    """Told after each file. `total` is in bytes; `clock` counts seconds."""

    total: int
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _at: float = field(init=False)
    _said: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._at = self.clock()

    def __call__(self, _entry: FileEntry, done: int) -> None:
        now = self.clock()
        waited, tenth = now - self._at, 10 * (done - self._said) >= self.total
        if done < self.total and (waited >= MOST or (waited >= LEAST and tenth)):
            self._at, self._said = now, done
            self.say(
                f"{done // MIB} of {self.total // MIB} MiB of the package ({100 * done // self.total} %)"
            )
