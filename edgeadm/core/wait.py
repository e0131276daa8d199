"""How phases wait for a state: until it is there, or only noted in a dry run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edgeadm.clock import CLOCK, Clock
from edgeadm.errors import EdgeadmError, PhaseError, WaitError

T = TypeVar("T")


@dataclass(frozen=True)
class Wait:
    """Waits for real."""

    clock: Clock = CLOCK
    # Called before each probe: what was true a moment ago is asked anew.
    forget: Callable[[], None] = lambda: None

    def until(
        self,
        what: str,
        probe: Callable[[], T],
        *,
        seconds: float,
        every: float,
        hint: str | Callable[[], str] = "",
        context: Callable[[], str] = str,
        ignoring: tuple[type[EdgeadmError], ...] = (),
    ) -> T | None:
        """Call `probe` until its answer is true, and return the answer; None if this is a dry run.

        `what` is the state in words, such as "lite-apiserver answers". An error of the types in `ignoring`
        counts as "not yet". Raises WaitError after `seconds`, from the last ignored error, with the hint and
        with `context`; both may be functions, which are called only then."""
        last: list[EdgeadmError] = []

        def tried() -> T | None:
            last.clear()
            self.forget()
            try:
                return probe()
            except ignoring as error:
                last.append(error)
                return None

        found = self.clock.poll(tried, seconds, every)
        if found:
            return found
        told = [f"{each.message}\n{each.context}".strip() for each in last]
        raise WaitError(
            f"{what}: not after {seconds:g} s",
            context="\n".join(part for part in (*told, context()) if part),
            hint=hint() if callable(hint) else hint,
        ) from (last[0] if last else None)

    def postpone(self, path: str, lacking: str) -> None:
        """A phase cannot be applied before others: raises PhaseError with the reason. A dry run, in which the
        others have made nothing, notes it instead."""
        raise PhaseError(lacking, hint=f"`{path}` needs what the phases before it make: run them first")


@dataclass(frozen=True)
class NoWait(Wait):
    """Waits for nothing, and notes each state that would be waited for: the waiting of a dry run."""

    note: Callable[[str], None] = lambda _text: None

    def until(
        self,
        what: str,
        probe: Callable[[], T],  # noqa: ARG002
        *,
        seconds: float,  # noqa: ARG002
        every: float,  # noqa: ARG002
        hint: str | Callable[[], str] = "",  # noqa: ARG002
        context: Callable[[], str] = str,  # noqa: ARG002
        ignoring: tuple[type[EdgeadmError], ...] = (),  # noqa: ARG002
    ) -> T | None:
        self.note(f"wait until {what}")
        return None

    def postpone(self, path: str, lacking: str) -> None:
        self.note(f"apply `{path}` after the phases before it: {lacking} now")
