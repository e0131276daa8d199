"""The states of a machine, and the transitions between them: one table for all callers of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """The state of a machine."""

    KNOWN = "known"
    REACHABLE = "reachable"
    CHECKED = "checked"
    LOADED = "loaded"
    JOINING = "joining"
    JOINED = "joined"
    READY = "ready"
    # `edgeadm reset` runs on the machine.
    RESETTING = "resetting"
    # The machine is not a node any more.
    RESET = "reset"
    # Not reachable now: neither failed nor finished.
    WAITING = "waiting"
    FAILED = "failed"


# A run that resumes starts each machine that is not ready from KNOWN: the machine itself knows the rest.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.KNOWN: frozenset({State.REACHABLE, State.WAITING, State.FAILED}),
    # A converged machine is ready (or reset) as soon as it was inspected, and the run of an earlier engine on
    # the machine is followed without checks.
    State.REACHABLE: frozenset(
        {
            State.CHECKED,
            State.JOINING,
            State.RESETTING,
            State.READY,
            State.RESET,
            State.WAITING,
            State.FAILED,
        }
    ),
    State.CHECKED: frozenset({State.LOADED, State.WAITING, State.FAILED}),
    State.LOADED: frozenset({State.JOINING, State.RESETTING, State.WAITING, State.FAILED}),
    # A machine that is reinstalled joins after its reset.
    State.RESETTING: frozenset({State.RESET, State.JOINING, State.WAITING, State.FAILED}),
    State.JOINING: frozenset({State.JOINED, State.WAITING, State.FAILED}),
    State.JOINED: frozenset({State.READY, State.WAITING, State.FAILED}),
    State.READY: frozenset({State.KNOWN}),
    State.RESET: frozenset({State.KNOWN}),
    State.WAITING: frozenset({State.KNOWN}),
    State.FAILED: frozenset({State.KNOWN}),
}
FINAL = frozenset({State.READY, State.RESET, State.WAITING, State.FAILED})


def may_change(before: State, after: State) -> bool:
    """Whether the table contains this transition."""
    return after in TRANSITIONS[before]
