"""The summary of a run: numbers, failures by cause, traffic, and the command that continues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeadm.checks.engine import Result
from edgeadm.config.secret import masked, secrets_in
from edgeadm.fleet.events import MachineResult, RunEnded, RunStarted
from edgeadm.fleet.states import State

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Cause:
    """Machines with one cause. `text` is that of the first machine, `texts` the number of different ones."""

    code: str
    text: str
    hint: str
    machines: tuple[str, ...]
    texts: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The cause as a document for `-o json`."""
        return {"code": self.code, "text": self.text, "hint": self.hint, "machines": list(self.machines)}


@dataclass(frozen=True)
class Summary:
    """A run that ended. `failures`, `waiting` and `warnings` are grouped by cause, frequent ones first."""

    verb: str
    run: str
    fleet: str
    results: tuple[MachineResult, ...]
    counts: Mapping[str, int]
    failures: tuple[Cause, ...]
    waiting: tuple[Cause, ...]
    warnings: tuple[Cause, ...]
    seconds: float
    exit_code: int
    untouched: tuple[str, ...] = ()
    stopped: str = ""
    again: str = ""
    journal: str = ""
    notices: tuple[str, ...] = ()
    # Machines that an earlier part of the run finished.
    done: tuple[str, ...] = ()
    secrets: frozenset[str] = field(default_factory=frozenset, repr=False)

    @property
    def wan(self) -> int:
        """Bytes over the WAN."""
        return sum(each.wan for each in self.results)

    @property
    def lan(self) -> int:
        """Bytes from machines of the same site."""
        return sum(each.lan for each in self.results)

    def count(self, *states: State) -> int:
        """The number of machines in one of these states, without those that were not started."""
        return sum(self.counts.get(each.value, 0) for each in states)

    def as_dict(self) -> dict[str, Any]:
        """The summary as a document for `-o json`."""
        document = {
            "verb": self.verb,
            "run": self.run,
            "fleet": self.fleet,
            "exitCode": self.exit_code,
            "seconds": round(self.seconds, 3),
            "counts": dict(self.counts),
            "wanBytes": self.wan,
            "lanBytes": self.lan,
            "failures": [each.as_dict() for each in self.failures],
            "waiting": [each.as_dict() for each in self.waiting],
            "warnings": [each.as_dict() for each in self.warnings],
            "untouched": list(self.untouched),
            "done": list(self.done),
            "stopped": self.stopped,
            "again": self.again,
            "journal": self.journal,
            "notices": list(self.notices),
            "machines": [each.as_dict() for each in self.results],
        }
        masked_document: dict[str, Any] = masked(document, self.secrets)
        return masked_document


def summarize(started: RunStarted, ended: RunEnded, notices: Iterable[str] = ()) -> Summary:
    """The summary. A machine with several failed checks is in the group of each of them."""
    untouched = set(ended.untouched)
    begun = [each for each in ended.results if each.machine.name not in untouched]
    counts = Counter(each.state.value for each in begun)
    return Summary(
        verb=started.verb,
        run=started.run,
        fleet=started.fleet.name,
        results=ended.results,
        counts={**counts, **({"untouched": len(untouched)} if untouched else {})},
        failures=_grouped(_reasons(begun, State.FAILED)),
        waiting=_grouped(_reasons(begun, State.WAITING)),
        warnings=_grouped(_warnings(begun)),
        seconds=ended.seconds,
        exit_code=ended.exit_code,
        untouched=ended.untouched,
        stopped=ended.stopped,
        again=ended.again,
        journal=ended.journal,
        notices=tuple(notices),
        done=started.done,
        secrets=frozenset(each for each in secrets_in(started.fleet) if len(each) > 3),
    )


# Code, text, hint and machine.
_Reason = tuple[str, str, str, str]


def _reasons(results: Iterable[MachineResult], state: State) -> Iterator[_Reason]:
    for each in results:
        if each.state is state:
            checks = [one for one in each.findings if one.result is Result.FAILED]
            for one in checks if state is State.FAILED else ():
                yield one.code, one.text, one.hint, each.machine.name
            if not checks or state is not State.FAILED:
                yield each.code or UNKNOWN, each.detail, each.hint, each.machine.name


def _warnings(results: Iterable[MachineResult]) -> Iterator[_Reason]:
    for each in results:
        for one in each.findings:
            if one.result is Result.WARNING:
                yield one.code, one.text, one.hint, each.machine.name


def _grouped(reasons: Iterable[_Reason]) -> tuple[Cause, ...]:
    groups: dict[str, list[_Reason]] = {}
    for each in reasons:
        groups.setdefault(each[0], []).append(each)
    causes = [
        Cause(
            code,
            every[0][1],
            next((hint for _, _, hint, _ in every if hint), ""),
            tuple(dict.fromkeys(name for *_, name in every)),
            len({text for _, text, _, _ in every}),
        )
        for code, every in groups.items()
    ]
    return tuple(sorted(causes, key=lambda each: -len(each.machines)))
