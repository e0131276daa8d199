"""What a check is, what it can find, and how all of them are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from edgeadm.autonomy.node import EdgeNode, UnansweredError

OK = "ok"
WARNING = "warning"
FAILED = "failed"
NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Found:
    """What a check found. A hint of its own goes before the check's."""

    result: str
    text: str
    hint: str = ""


def ok(text: str) -> Found:
    """As it should be."""
    return Found(OK, text)


def warning(text: str, hint: str = "") -> Found:
    """The node would come back, but not for long, not at once, or not with everything."""
    return Found(WARNING, text, hint)


def failed(text: str, hint: str = "") -> Found:
    """The node would not come back as it was."""
    return Found(FAILED, text, hint)


def not_applicable(text: str) -> Found:
    """This node does not need it, or another check says why it cannot be looked at."""
    return Found(NOT_APPLICABLE, text)


@dataclass(frozen=True)
class Check:
    """A statement that should be true of an edge node, how to find out, and what to do where it is not."""

    code: str
    group: str
    statement: str
    hint: str
    probe: Callable[[EdgeNode], Found]


@dataclass(frozen=True)
class Finding:
    """A check with what it found."""

    check: Check
    found: Found

    @property
    def hint(self) -> str:
        """What to do; empty where there is nothing to do."""
        wrong = self.found.result in (WARNING, FAILED)
        return (self.found.hint or self.check.hint) if wrong else ""

    def as_dict(self) -> dict[str, Any]:
        """The finding as `-o json` shows it."""
        return {
            "code": self.check.code,
            "group": self.check.group,
            "statement": self.check.statement,
            "result": self.found.result,
            "found": self.found.text,
            "hint": self.hint,
        }


def run_checks(checks: Iterable[Check], node: EdgeNode) -> Iterator[Finding]:
    """All findings, in order. What hangs on a question that got no answer is said once: by the check that the
    question belongs to."""
    for check in checks:
        try:
            found = check.probe(node)
        except UnansweredError as lack:
            if lack.owner == check.code:
                found = failed(lack.why)
            else:
                found = not_applicable(f"not checked: see `{lack.owner}`")
        yield Finding(check, found)
