"""Threads of a run, and the queue through which they report to the engine."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

Job = Callable[[], None]


class Pool(Protocol):
    """Runs jobs beside the engine."""

    def start(self, name: str, job: Job) -> None:
        """Start the job, which does not raise."""


class Inbox(Protocol):
    """The messages of jobs and signals."""

    def put(self, message: Any) -> None:
        """Add a message; may be called by a signal handler."""

    def get(self, seconds: float | None) -> Any:
        """The next message, or None after these seconds; None waits without a limit."""


class ThreadPool:
    """One thread for each job. The threads do not keep the process alive: a job may wait for a machine."""

    def start(self, name: str, job: Job) -> None:
        Thread(target=job, name=name, daemon=True).start()


class QueueInbox:
    """A queue whose `put` is safe in signal handlers."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()

    def put(self, message: Any) -> None:
        self._queue.put(message)

    def get(self, seconds: float | None) -> Any:
        try:
            return self._queue.get(timeout=seconds)
        except Empty:
            return None
