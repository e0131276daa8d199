"""Signals that end a program, handled like Ctrl-C: by an exception that runs every `finally`."""

from __future__ import annotations

import errno
import os
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP was received. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@dataclass
class _Received:
    """The signals of this process. Python runs handlers in the main thread, independent of the receiving
    thread: the main thread's mask alone does not block a signal."""

    held: int = 0
    waiting: int = 0
    stopped: bool = False
    # Receives the first signal, instead of an exception.
    first: Callable[[int], None] | None = None
    drains: bool = False

    def handle(self, number: int, _frame: FrameType | None = None) -> None:
        """Raise the exception of the signal, now or at the end of `undisturbed`."""
        if number == signal.SIGHUP:
            _leave_lost_terminal()
        if self.held:
            self.waiting = self.waiting or number
        elif self.first is not None:
            first, self.first = self.first, None
            first(number)
        elif self.drains and number == signal.SIGHUP:
            # A closing session sends several signals: this one is never the second one of a user.
            return
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        elif not self.stopped:
            self.stopped = True
            raise StoppedError(number)


_received = _Received()


@contextmanager
def end_like_ctrl_c() -> Iterator[None]:
    """Raise StoppedError in the main thread on SIGTERM and SIGHUP, and KeyboardInterrupt on SIGINT. An
    ignored signal, such as with `nohup`, stays ignored. Only the first SIGTERM or SIGHUP raises: a closing
    session sends several, and clean-up must not be interrupted by the next one."""
    _received.stopped, _received.waiting = False, 0
    before = {each: signal.getsignal(each) for each in ENDS}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, _received.handle)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the end of the block, for edgeadm and for the programs that it
    starts meanwhile, because a terminal sends its signals to those as well."""
    _received.held += 1
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    try:
        yield
    finally:
        _received.held -= 1
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if _received.waiting and not _received.held:
            number, _received.waiting = _received.waiting, 0
            _received.handle(number)


@contextmanager
def first_signal(call: Callable[[int], None]) -> Iterator[None]:
    """Call a function with the number of the first SIGINT, SIGTERM or SIGHUP in this block, in the main
    thread; the second one raises, except for SIGHUP. For verbs that end their work in order."""
    _received.first, _received.drains = call, True
    try:
        yield
    finally:
        _received.first, _received.drains = None, False


def _leave_lost_terminal() -> None:
    """Redirect output to /dev/null if its terminal is closed: otherwise each further write would fail, also
    during clean-up."""
    for fd in (1, 2):
        try:
            termios.tcgetattr(fd)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, fd)
                os.close(nowhere)
