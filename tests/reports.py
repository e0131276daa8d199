"""A report that remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeadm.core.phase import Verdict


@dataclass
class Recorded:
    """Everything that a run told."""

    verdicts: list[tuple[str, Verdict]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    ends: list[tuple[str, str]] = field(default_factory=list)

    def begin(self, path: str, verdict: Verdict) -> None:
        self.verdicts.append((path, verdict))

    def line(self, path: str, text: str) -> None:
        self.lines.append((path, text))

    def end(self, path: str, result: str, seconds: float) -> None:
        self.ends.append((path, result))
