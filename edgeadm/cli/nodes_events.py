"""A run of a fleet on the command line: progress on stderr, events of `-o jsonl`, the page of `--report`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm.cli import console, stream
from edgeadm.cli.fleet_view import PlainView, View, choose
from edgeadm.cli.stream import Stream
from edgeadm.core.events import MachineState, MachineStep, Message
from edgeadm.core.signals import first_signal
from edgeadm.fleet import page
from edgeadm.fleet.events import FleetEvent, MachineChanged, MachineProgress, RunNotice
from edgeadm.fleet.journal import runs_root
from edgeadm.fleet.run import Order, Parts, engine_of, opened, run
from edgeadm.fleet.summary import Summary
from edgeadm.fleet.tally import Tally


@dataclass
class NodesReport:
    """Passes each event to the view, and writes it to the stream if that is open. With `quiet`, as for a
    plan, there is no view."""

    view: View = field(default_factory=PlainView)
    events: Stream = field(default_factory=stream.current)
    quiet: bool = False
    tally: Tally = field(default_factory=Tally)

    def handle(self, event: FleetEvent) -> None:
        self.tally.handle(event)
        if not self.quiet:
            self.view.handle(event)
        if isinstance(event, MachineChanged):
            seconds = round(event.seconds, 3)
            self.events.emit(
                MachineState(
                    event.machine,
                    event.before.value,
                    event.state.value,
                    seconds,
                    event.detail,
                    event.code,
                    event.hint,
                )
            )
        elif isinstance(event, MachineProgress):
            self.events.emit(MachineStep(event.machine, event.phase, event.detail))
        elif isinstance(event, RunNotice):
            self.events.emit(Message(event.text))

    def close(self) -> None:
        self.view.close()

    def summary(self) -> Summary:
        """The summary of the run, which has ended."""
        found = self.tally.summary()
        assert found is not None, "the run has ended"  # noqa: S101
        return found

    def write_page(self, file: str) -> None:
        """Write the page of `--report`. Raises ReportNotWrittenError."""
        if file:
            page.write(Path(file), self.tally, written=time.strftime("%Y-%m-%d %H:%M:%S %Z"))
            console.talk(f"report: {file}")


def run_engine(order: Order, parts: Callable[[], Parts], shown: NodesReport, *, held: bool = False) -> int:
    """Run the engine, and return the exit status: the first signal starts nothing new, the second one leaves.
    `parts` are made with the lock of the fleet, which the caller has `held` already, or which is taken.

    Raises the errors of `opened` and of the cluster."""
    try:
        with opened(order, runs_root(), held=held) as given:
            engine = engine_of(given, parts(), shown)
            with first_signal(lambda _number: engine.stop("interrupted")):
                return run(given, engine, shown).exit_code
    finally:
        shown.close()


def new_report(*, quiet: bool = False) -> NodesReport:
    """A report for this terminal."""
    return NodesReport(choose(), quiet=quiet)
