"""From what was seen to what would have survived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from edgeadm.drill.watch import SANDBOX, Pods, Running, Sample

# What asks lite-apiserver and DNS tries again for longer than that.
TOLERATED = 30.0
KEPT, RESTARTED, LOST, MOVED, ABSENT = "kept", "restarted", "lost", "address changed", "was not running"


@dataclass(frozen=True)
class PodVerdict:
    """What became of a Pod. One that did not run when the drill began is listed, and does not count."""

    name: str
    outcome: str
    restarts: int = 0
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        return self.outcome != ABSENT

    @property
    def survived(self) -> bool:
        return self.outcome in (KEPT, RESTARTED)

    def as_dict(self) -> dict[str, Any]:
        namespace, _, name = self.name.partition("/")
        return {
            "namespace": namespace,
            "name": name,
            "outcome": self.outcome,
            "restarts": self.restarts,
            "addressesBefore": list(self.before),
            "addressesAfter": list(self.after),
        }


@dataclass(frozen=True)
class QuestionVerdict:
    """How often a question was answered while the API server was away, and how it ended."""

    what: str
    asked: int
    answered: int
    silence: float
    at_last: bool

    @property
    def survived(self) -> bool:
        return self.at_last and self.silence <= TOLERATED

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "asked": self.asked,
            "answered": self.answered,
            "longestSilenceSeconds": round(self.silence, 1),
        }


def of_pods(
    before: Pods, wanted: Mapping[str, bool], samples: Sequence[Sample], after: Pods | None
) -> list[PodVerdict]:
    """One for each Pod that ran, and for each that should have. `after` is None where the runtime is gone.

    `wanted` has the Pods that the cloud knows here, and whether they are to stay: of those that are not,
    nothing is said."""
    seen = [before, *(sample.pods for sample in samples if sample.pods is not None), after or {}]
    running = [name for name, pod in before.items() if pod.containers.keys() - {SANDBOX}]
    judged = [name for name in running if wanted.get(name, True)]
    absent = [name for name, stays in wanted.items() if stays and name not in running]
    return [
        *(_pod(name, [pods.get(name, Running({})) for pods in seen]) for name in sorted(judged)),
        *(PodVerdict(name, ABSENT) for name in sorted(absent)),
    ]


def of_questions(samples: Sequence[Sample]) -> list[QuestionVerdict]:
    """One for each question that was asked."""
    found = []
    for what in dict.fromkeys(what for sample in samples for what in sample.answers):
        asked = [(sample.time, sample.answers[what]) for sample in samples if what in sample.answers]
        answered = sum(answer for _, answer in asked)
        found.append(QuestionVerdict(what, len(asked), answered, longest_silence(asked), asked[-1][1]))
    return found


def longest_silence(asked: Sequence[tuple[float, bool]]) -> float:
    """Seconds from one answer to the next, where there were questions between them that nobody answered.

    Where there was no answer before or after, from the first question, or to the last one."""
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
    """For each container, how often it was another one than the time before."""
    for container in seen[0].containers:
        ids = [pod.containers[container] for pod in seen if container in pod.containers]
        yield sum(one != other for one, other in pairwise(ids))
