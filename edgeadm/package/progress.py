"""Progress of reading a package, printed periodically: a slow host needs minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeadm.package.manifest import FileEntry

MIB = 1 << 20
LEAST, MOST = 2.0, 10.0  # minimum number of seconds between two lines; longer if a tenth takes longer


@dataclass
class Progress:
    """Called after each file. `total` is in bytes; `clock` returns seconds."""

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
