"""Computes the verdict from the observations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from edgeadm.checks.engine import Result
from edgeadm.drill.watch import SANDBOX, Pods, Running, Sample

# Clients of lite-apiserver and DNS retry for longer than that.
TOLERATED = 30.0
KEPT, RESTARTED, LOST, MOVED, ABSENT = "kept", "restarted", "lost", "address changed", "was not running"
# A Pod that did not run at the start is listed, but not counted.
RESULTS = {
    KEPT: Result.OK,
    RESTARTED: Result.OK,
    LOST: Result.FAILED,
    MOVED: Result.FAILED,
    ABSENT: Result.NOT_APPLICABLE,
}


@dataclass(frozen=True)
class PodVerdict:
    """The outcome for a Pod: its containers that were replaced, and its addresses before and after."""

    name: str
    outcome: str
    restarts: int = 0
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def result(self) -> Result:
        """The outcome in the vocabulary of all checks."""
        return RESULTS[self.outcome]

    def as_dict(self) -> dict[str, Any]:
        namespace, _, name = self.name.partition("/")
        return {
            "namespace": namespace,
            "name": name,
            "outcome": self.outcome,
            "result": self.result.value,
            "restarts": self.restarts,
            "addressesBefore": list(self.before),
            "addressesAfter": list(self.after),
        }


@dataclass(frozen=True)
class QuestionVerdict:
    """How often a service responded while the API server was blocked, and its last result."""

    what: str
    asked: int
    answered: int
    silence: float
    at_last: bool

    @property
    def result(self) -> Result:
        """Whether the service survived, in the vocabulary of all checks."""
        return Result.OK if self.at_last and self.silence <= TOLERATED else Result.FAILED

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "asked": self.asked,
            "answered": self.answered,
            "longestSilenceSeconds": round(self.silence, 1),
            "result": self.result.value,
        }


def of_pods(
    before: Pods, wanted: Mapping[str, bool], samples: Sequence[Sample], after: Pods | None
) -> list[PodVerdict]:
    """One result for each Pod that ran, and for each that should have. `after` is None if the runtime does
    not respond.

    `wanted` contains the Pods that the cluster scheduled here, and whether they stay; others are omitted.
    """
    seen = [before, *(sample.pods for sample in samples if sample.pods is not None), after or {}]
    running = [name for name, pod in before.items() if pod.containers.keys() - {SANDBOX}]
    judged = [name for name in running if wanted.get(name, True)]
    absent = [name for name, stays in wanted.items() if stays and name not in running]
    return [
        *(_pod(name, [pods.get(name, Running({})) for pods in seen]) for name in sorted(judged)),
        *(PodVerdict(name, ABSENT) for name in sorted(absent)),
    ]


def of_questions(samples: Sequence[Sample]) -> list[QuestionVerdict]:
    """One result for each checked service."""
    found = []
    for what in dict.fromkeys(what for sample in samples for what in sample.answers):
        asked = [(sample.time, sample.answers[what]) for sample in samples if what in sample.answers]
        answered = sum(answer for _, answer in asked)
        found.append(QuestionVerdict(what, len(asked), answered, longest_silence(asked), asked[-1][1]))
    return found


def longest_silence(asked: Sequence[tuple[float, bool]]) -> float:
    """Seconds between two responses, if checks between them failed.

    From the first check, or to the last one, if there was no response before or after.
    """
    longest, since, silent = 0.0, asked[0][0] if asked else 0.0, False
    for time, answer in asked:
        silent = silent or not answer
        if silent:
            longest = max(longest, time - since)
        if answer:
            since, silent = time, False
    return longest


def _pod(name: str, seen: Sequence[Running]) -> PodVerdict:
    first, last = seen[0], seen[-1]
    restarts = sum(_restarts(seen))
    if not last.containers or first.containers.keys() - last.containers.keys():
        outcome = LOST
    elif first.addresses and last.addresses and first.addresses != last.addresses:
        outcome = MOVED
    else:
        outcome = RESTARTED if restarts else KEPT
    return PodVerdict(name, outcome, restarts, first.addresses, last.addresses)


def _restarts(seen: Sequence[Running]) -> Iterator[int]:
    """How often each container was replaced."""
    for container in seen[0].containers:
        ids = [pod.containers[container] for pod in seen if container in pod.containers]
        yield sum(one != other for one, other in pairwise(ids))
