"""One of several replicas holds a Lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.cluster.fake import FakeStore
from edgeadm.cluster.lease import API, DEADLINE, DURATION, KIND, Election


@dataclass
class Watch:
    """A clock that a test sets."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def pair(store: FakeStore) -> tuple[Election, Election, Watch]:
    clock = Watch()
    first, second = (Election(store, "edge-system", "fleet-controller", name, clock) for name in "ab")
    return first, second, clock


def lease(store: FakeStore) -> Mapping[str, Any]:
    found: Mapping[str, Any] = store.objects[API, KIND, "edge-system", "fleet-controller"]["spec"]
    return found


def test_the_first_candidate_holds_it_and_the_second_does_not() -> None:
    store = FakeStore()
    first, second, _ = pair(store)
    assert first.renew()
    assert not second.renew()
    assert lease(store)["holderIdentity"] == "a"


def test_a_holder_that_does_not_renew_is_replaced_after_it_has_stopped() -> None:
    store = FakeStore()
    first, second, clock = pair(store)
    first.renew()
    second.renew()
    clock.seconds = DEADLINE
    assert not first.holds
    assert not second.renew()
    clock.seconds = DURATION
    assert second.renew()
    assert lease(store)["leaseTransitions"] == 1
    assert not first.renew()


def test_two_candidates_never_hold_it_at_once() -> None:
    store = FakeStore()
    first, second, clock = pair(store)
    away = range(10, 50)
    for second_of_time in range(120):
        clock.seconds = second_of_time
        store.down = second_of_time in away and second_of_time % 2 == 0
        # The first candidate is stopped in the middle, and continues later.
        if second_of_time not in range(30, 80):
            first.renew()
        second.renew()
        assert not (first.holds and second.holds), second_of_time


def test_an_api_server_that_is_away_is_no_reason_to_stop_before_the_deadline() -> None:
    store = FakeStore()
    first, _, clock = pair(store)
    first.renew()
    store.down = True
    clock.seconds = DEADLINE - 1
    assert first.renew()
    clock.seconds = DEADLINE
    assert not first.renew()


def test_of_two_writes_to_the_same_version_one_wins() -> None:
    store = FakeStore()
    first, second, clock = pair(store)
    first.renew()
    second.renew()
    clock.seconds = DURATION
    rival = Election(store, "edge-system", "fleet-controller", "c", clock)
    rival._seen, rival._seen_at = second._seen, second._seen_at

    def overtake(_verb: str, _obj: Mapping[str, Any]) -> None:
        store.on_write = lambda _verb, _obj: None
        assert rival.renew()

    store.on_write = overtake
    assert not second.renew()
    assert rival.holds
    assert lease(store)["holderIdentity"] == "c"


def test_a_released_lease_is_free_at_once() -> None:
    store = FakeStore()
    first, second, _ = pair(store)
    first.renew()
    first.release()
    assert not first.holds
    assert second.renew()
