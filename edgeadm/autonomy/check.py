"""Checks, their results, and their execution."""

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
    """The result of a check. Its own hint takes precedence over the check's."""

    result: str
    text: str
    hint: str = ""


def ok(text: str) -> Found:
    """The condition is met."""
    return Found(OK, text)


def warning(text: str, hint: str = "") -> Found:
    """The node would recover, but late, incompletely, or only for a limited time."""
    return Found(WARNING, text, hint)


def failed(text: str, hint: str = "") -> Found:
    """The node would not recover completely."""
    return Found(FAILED, text, hint)


def not_applicable(text: str) -> Found:
    """This node does not need it, or another check contains the reason."""
    return Found(NOT_APPLICABLE, text)


@dataclass(frozen=True)
class Check:
    """A condition that an edge node should meet, the function that checks it, and a hint for a failure."""

    code: str
    group: str
    statement: str
    hint: str
    probe: Callable[[EdgeNode], Found]


@dataclass(frozen=True)
class Finding:
    """A check with its result."""

    check: Check
    found: Found

    @property
    def hint(self) -> str:
        """The hint; empty if no action is required."""
        wrong = self.found.result in (WARNING, FAILED)
        return (self.found.hint or self.check.hint) if wrong else ""

    def as_dict(self) -> dict[str, Any]:
        """The finding as a document for `-o json`."""
        return {
            "code": self.check.code,
            "group": self.check.group,
            "statement": self.check.statement,
            "result": self.found.result,
            "found": self.found.text,
            "hint": self.hint,
        }


def run_checks(checks: Iterable[Check], node: EdgeNode) -> Iterator[Finding]:
    """All findings, in order. If a fact cannot be read, only the check that owns it fails; others refer to
    it."""
    for check in checks:
        try:
            found = check.probe(node)
        except UnansweredError as lack:
            if lack.owner == check.code:
                found = failed(lack.why)
            else:
                found = not_applicable(f"not checked: see `{lack.owner}`")
        yield Finding(check, found)
