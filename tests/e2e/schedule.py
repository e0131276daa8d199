"""Assigns groups of tests to workers: the longest first, each to the next free worker.

pytest-xdist's own `loadfile` starts with the file with the most tests, and assigns the next group to a worker
that still has two tests to run, one of which may take minutes. Here the order is the plan's, and a worker
gets its next group with its last test: earlier has no benefit, and later is impossible, because pytest
requires the next test before it runs the last one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from tests.e2e.plan import Plan, load


class Schedule(LoadFileScheduling):
    """Assigns the groups of the plan."""

    def __init__(self, config: pytest.Config, log: Any = None, plan: Plan | None = None) -> None:
        super().__init__(config, log)
        self.plan = plan or load()
        # Saved states that a worker may be creating now, and existing ones.
        self.making: set[str] = set()
        self.made: set[str] = set()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """After its first test, the saved state of a group exists."""
        name = self._split_scope(self.registered_collections[node][item_index])
        self.made.add(self._start(name))
        super().mark_test_complete(node, item_index, duration)

    def _start(self, scope: str) -> str:
        """The saved state of a file's group. Raises KeyError for a file without a group."""
        return self.plan.of(Path(scope)).start

    def _waits(self, scope: str) -> bool:
        """Whether the group would wait for a state that another worker creates."""
        start = self._start(scope)
        return start != "" and start in self.making - self.made

    def _assign_work_unit(self, node: WorkerController) -> None:
        chosen = next(
            (scope for scope in self.workqueue if not self._waits(scope)), next(iter(self.workqueue))
        )
        self.workqueue.move_to_end(chosen, last=False)
        self.making.add(self._start(chosen))
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self.workqueue and self._pending_of(self.assigned_work[node]) > 1:
            return
        super()._reschedule(node)
