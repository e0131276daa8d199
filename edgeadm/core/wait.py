"""Waits of phases for a state; a dry run only prints them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edgeadm.clock import CLOCK, Clock
from edgeadm.errors import EdgeadmError, PhaseError, WaitError

T = TypeVar("T")


@dataclass(frozen=True)
class Wait:
    """Real waits."""

    clock: Clock = CLOCK
    # Called before each probe: discards cached results.
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
        """Call `probe` until its result is true, and return the result; None in a dry run.

        `what` describes the state, such as "lite-apiserver responds". An error of the types in `ignoring`
        counts as "not yet". Raises WaitError after `seconds`, from the last ignored error, with the hint and
        with `context`; both may be functions, which are called only then.
        """
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
        """A phase requires the results of earlier ones: raises PhaseError with the reason. A dry run, which
        has no results, prints it instead."""
        raise PhaseError(lacking, hint=f"`{path}` requires the results of earlier phases: run them first")


@dataclass(frozen=True)
class NoWait(Wait):
    """Dry-run waits: print each state that would be awaited."""

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
