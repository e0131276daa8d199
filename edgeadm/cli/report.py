"""Progress of a run: plain lines, a live line on a terminal, or events as JSON lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeadm.cli import console, stream
from edgeadm.cli.stream import Stream
from edgeadm.core.events import PhaseBegin, PhaseEnd, PhaseLine
from edgeadm.core.phase import Verdict


@dataclass
class Outcome:
    """The result of each phase, for `-o json` and the last line."""

    phases: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: str, result: str, reason: str, seconds: float) -> None:
        self.phases.append({"phase": path, "result": result, "reason": reason, "seconds": round(seconds, 2)})

    @property
    def changed(self) -> int:
        return sum(each["result"] == "done" for each in self.phases)


@dataclass
class PlainReport:
    """One line per message, as kubeadm prints them: for pipes, logs and plain terminals."""

    outcome: Outcome = field(default_factory=Outcome)
    reason: str = ""

    def begin(self, path: str, verdict: Verdict) -> None:
        self.reason = verdict.reason
        mark = "" if verdict.needed else "nothing to do: "
        console.talk(f"[{path}] {mark}{verdict.reason}")

    def line(self, path: str, text: str) -> None:
        console.talk(text if text.startswith(("[", "\t", " ")) or not text else f"[{path}] {text}")

    def end(self, path: str, result: str, seconds: float) -> None:
        self.outcome.add(path, result, self.reason, seconds)

    def close(self) -> None:
        """Does nothing: no line is held open."""


@dataclass
class LiveReport:
    """On a terminal: a spinner with the phase's last line, then one line for each finished phase."""

    outcome: Outcome = field(default_factory=Outcome)
    reason: str = ""
    _status: Any = None

    def begin(self, path: str, verdict: Verdict) -> None:
        self.reason = verdict.reason
        if verdict.needed:
            self._spin(f"{path}: {verdict.reason}")

    def line(self, path: str, text: str) -> None:
        if text.strip():
            self._spin(f"{path}: {text.strip()[:100]}")

    def end(self, path: str, result: str, seconds: float) -> None:
        self.outcome.add(path, result, self.reason, seconds)
        self.close()
        mark = {"done": "✓", "unneeded": "·", "failed": "✗"}[result]
        time = f" ({seconds:.1f} s)" if result == "done" else ""
        console.talk(f" {mark} {path}: {self.reason}{time}")

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _spin(self, text: str) -> None:
        from rich.console import Console
        from rich.markup import escape

        if self._status is None:
            self._status = Console(stderr=True).status(escape(text))
            self._status.start()
        else:
            self._status.update(escape(text))


@dataclass
class EventReport:
    """Writes each step as an event to stdout, and forwards it to a report on stderr."""

    seen: PlainReport | LiveReport
    stream: Stream

    @property
    def outcome(self) -> Outcome:
        return self.seen.outcome

    def begin(self, path: str, verdict: Verdict) -> None:
        self.stream.phase = path
        self.stream.emit(PhaseBegin(path, verdict.needed, verdict.reason))
        self.seen.begin(path, verdict)

    def line(self, path: str, text: str) -> None:
        self.stream.emit(PhaseLine(path, text))
        self.seen.line(path, text)

    def end(self, path: str, result: str, seconds: float) -> None:
        self.stream.phase = ""
        self.stream.emit(PhaseEnd(path, result, round(seconds, 3)))
        self.seen.end(path, result, seconds)

    def close(self) -> None:
        self.seen.close()


Reporter = PlainReport | LiveReport | EventReport


def choose() -> Reporter:
    """Live if stderr is a capable terminal, else plain; with `-o jsonl` also as events."""
    seen = LiveReport() if console.colour() else PlainReport()
    events = stream.current()
    return EventReport(seen, events) if events.is_open else seen
