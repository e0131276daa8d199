"""The scheduler of a run: slots for steps, timers, and threads.

A step needs a slot, of which there are as many as `--concurrency`. A step that only looks gives its slot back
if it takes longer than `patience`, and a repetition of it needs none: a machine that does not answer delays
no other machine.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from edgeadm.clock import Clock
from edgeadm.fleet.pool import Inbox, Pool
from edgeadm.fleet.progress import LOOKS, MachineRun, Step

# Steps without a slot at the same time, beside `--concurrency`.
MOST_LATE = 256
Action = Callable[[], None]


@dataclass
class Scheduler:
    """Starts steps. `start` runs one in a thread; `ended` must be called when it has ended."""

    slots: int
    pool: Pool
    inbox: Inbox
    clock: Clock
    perform: Callable[[MachineRun, Step], None]
    patience: float = 3.0
    used: int = 0
    late: int = 0
    _fresh: deque[tuple[MachineRun, Step]] = field(default_factory=deque)
    _begun: deque[tuple[MachineRun, Step]] = field(default_factory=deque)
    _timers: list[tuple[float, int, Action]] = field(default_factory=list)
    _count: count[int] = field(default_factory=count)

    def enqueue(self, run: MachineRun, step: Step) -> None:
        """Start the step as soon as there is a slot; machines that are being changed go first."""
        (self._begun if run.begun else self._fresh).append((run, step))

    def after(self, seconds: float, action: Action) -> None:
        """Call the action in the engine's thread after these seconds."""
        heapq.heappush(self._timers, (self.clock.now() + seconds, next(self._count), action))

    def dispatch(self, may_begin: bool) -> None:
        """Start steps while there are slots; without `may_begin` only of machines that are being changed."""
        while self._begun and self.used < self.slots:
            self._start(*self._begun.popleft())
        while may_begin and self._fresh and self.used < self.slots:
            self._start(*self._fresh.popleft())

    def start_late(self, run: MachineRun, step: Step) -> None:
        """Start a step without a slot, or with one if there are too many of them."""
        if self.late >= MOST_LATE:
            self.enqueue(run, step)
            return
        run.late = True
        self.late += 1
        self._run(run, step)

    def ended(self, run: MachineRun) -> None:
        """The step of this machine has ended."""
        run.step, run.tried = None, True
        if run.late:
            self.late -= 1
            run.late = False
        else:
            self.used -= 1

    def next_message(self) -> object:
        """The next message, or None if a timer is due first."""
        wait = None
        if self._timers:
            wait = max(0.0, self._timers[0][0] - self.clock.now())
        return self.inbox.get(wait)

    def fire(self) -> None:
        """Call the actions of all timers that are due."""
        while self._timers and self._timers[0][0] <= self.clock.now():
            heapq.heappop(self._timers)[2]()

    def _start(self, run: MachineRun, step: Step) -> None:
        self.used += 1
        self._run(run, step)
        if step in LOOKS:
            self.after(self.patience, lambda: self._give_back(run, step))

    def _give_back(self, run: MachineRun, step: Step) -> None:
        """Give the slot of a slow step back."""
        if run.step is step and not run.late and self.late < MOST_LATE:
            run.late = run.tried = True
            self.late += 1
            self.used -= 1

    def _run(self, run: MachineRun, step: Step) -> None:
        run.step = step
        if step not in LOOKS and step is not Step.RECOVER:
            run.begun = True
        self.pool.start(f"{step} {run.name}", lambda: self.perform(run, step))
