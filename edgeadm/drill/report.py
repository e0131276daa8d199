"""The result of a drill, as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgeadm.checks.engine import Result
from edgeadm.drill.verdict import ABSENT, KEPT, LOST, MOVED, RESTARTED, PodVerdict, QuestionVerdict

VERB = "drill offline"


@dataclass(frozen=True)
class Report:
    """The complete result of a drill."""

    node: str
    minutes: int
    blocked: tuple[str, ...]
    restarted: bool
    pods: Sequence[PodVerdict]
    questions: Sequence[QuestionVerdict]
    lifted: bool

    @property
    def survived(self) -> bool:
        """Whether every Pod that ran still runs, and every service responds."""
        results = [*(pod.result for pod in self.pods), *(question.result for question in self.questions)]
        return Result.FAILED not in results

    def as_dict(self) -> dict[str, Any]:
        return {
            "verb": VERB,
            "node": self.node,
            "minutes": self.minutes,
            "blocked": list(self.blocked),
            "restarted": self.restarted,
            "pods": [pod.as_dict() for pod in self.pods],
            "questions": [question.as_dict() for question in self.questions],
            "survived": self.survived,
            "lifted": self.lifted,
        }

    def text(self) -> str:
        """Two tables and the verdict."""
        pods = [("POD", "OUTCOME", "ADDRESS"), *(_pod(each) for each in self.pods)]
        asked = [("ASKED", "ANSWERED", "LONGEST SILENCE"), *(_question(each) for each in self.questions)]
        return "\n".join([*_table(pods), "", *_table(asked), "", self.verdict()])

    def verdict(self) -> str:
        """One line."""
        pods = [pod for pod in self.pods if pod.result is not Result.NOT_APPLICABLE]
        survived = sum(each.result is Result.OK for each in pods)
        parts = [f"{survived} of {len(pods)} Pods"]
        for outcome in (RESTARTED, MOVED, LOST):
            count = sum(each.outcome == outcome for each in pods)
            parts += [f"{count} {outcome}"] if count else []
        silent = [each.what for each in self.questions if each.result is Result.FAILED]
        parts += [f"{what} did not respond for too long" for what in silent]
        return f"would have survived: {', '.join(parts)}"


def _pod(pod: PodVerdict) -> tuple[str, str, str]:
    outcome = pod.outcome
    if pod.restarts and outcome != KEPT:
        outcome += f" ({pod.restarts} new container{'s' if pod.restarts > 1 else ''})"
    before, after = ",".join(pod.before), ",".join(pod.after)
    moved = pod.outcome == MOVED
    return (
        pod.name,
        outcome,
        f"{before} -> {after}" if moved else "-" if pod.outcome == ABSENT else before or "-",
    )


def _question(question: QuestionVerdict) -> tuple[str, str, str]:
    return question.what, f"{question.answered} of {question.asked}", f"{question.silence:.0f} s"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
