"""The progress of a run of a fleet: a live table on a terminal, else one line per transition."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, TextIO

from edgeadm.cli import console
from edgeadm.cli.fleet_live import doing, mark_of, render
from edgeadm.clock import CLOCK, Clock
from edgeadm.fleet.events import FleetEvent, MachineChanged, RunNotice, RunStarted
from edgeadm.fleet.plain import duration, number, plain
from edgeadm.fleet.states import State
from edgeadm.fleet.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

WRONG = (State.FAILED, State.WAITING)


@dataclass
class PlainView:
    """One line per transition, for pipes, logs and plain terminals."""

    say: Callable[[str], None] = console.talk
    tally: Tally = field(default_factory=Tally)

    def handle(self, event: FleetEvent) -> None:
        """Print the event, if it is a transition or a message."""
        self.tally.handle(event)
        if isinstance(event, RunStarted):
            self.say(headline(event))
        elif isinstance(event, MachineChanged):
            self.say(transition(event))
        elif isinstance(event, RunNotice):
            self.say(plain(event.text))

    def close(self) -> None:
        """Does nothing: no line is held open."""


@dataclass
class LiveView:
    """The live table. Machines that failed or wait are printed above it, and remain. With `stream`, output
    goes there instead of stderr."""

    clock: Clock = CLOCK
    stream: TextIO | None = None
    tally: Tally = field(default_factory=Tally)
    _begin: float = 0.0
    _live: Any = None
    _lock: Any = field(default_factory=RLock)

    def handle(self, event: FleetEvent) -> None:
        """Show the event."""
        with self._lock:
            self.tally.handle(event)
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, RunNotice):
            self._print(plain(event.text), "yellow")
        elif isinstance(event, MachineChanged) and event.state in WRONG:
            seen = self.tally.machines[event.machine]
            mark, style = mark_of(seen)
            self._print(f"{mark} {plain(event.machine)}: {doing(seen)}", style)

    def close(self) -> None:
        """Remove the table; the lines above it remain."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _start(self, event: RunStarted) -> None:
        from rich.console import Console
        from rich.live import Live

        self._begin = self.clock.now()
        out = Console(file=self.stream or sys.stderr, highlight=False)
        self._live = Live(_Now(self), console=out, refresh_per_second=4, transient=True)
        self._print(headline(event))
        self._live.start()

    def _print(self, text: str, style: str = "") -> None:
        from rich.text import Text

        if self._live is not None:
            self._live.console.print(Text(text, style), soft_wrap=True)

    def show(self, width: int, height: int) -> Any:
        """The table at this time."""
        with self._lock:
            return render(self.tally, self.clock.now() - self._begin, width, height)


@dataclass
class _Now:
    """Is rendered again at each refresh, in rich's thread."""

    view: LiveView

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.view.show(options.max_width, options.size.height)


def headline(event: RunStarted) -> str:
    """The first line of a run."""
    done = f", {len(event.done)} are finished already" if event.done else ""
    machines = number(len(event.machines))
    return f"{event.verb}: fleet {plain(event.fleet.name)}, {machines}{done}, run {event.run}"


def transition(event: MachineChanged) -> str:
    """A transition in one line."""
    line = f"[{plain(event.machine)}] {event.before} → {event.state} ({duration(event.seconds)})"
    line += f": {plain(event.detail)}" if event.detail else ""
    line += f" [{plain(event.code)}]" if event.code else ""
    return line


View = PlainView | LiveView


def choose(stream: TextIO | None = None, environ: Mapping[str, str] | None = None) -> View:
    """The live table on a capable terminal, else lines. `NO_COLOR` switches only colours off."""
    out = stream or sys.stderr
    kind = (os.environ if environ is None else environ).get("TERM", "")
    return LiveView(stream=stream) if out.isatty() and kind not in ("", "dumb", "unknown") else PlainView()
