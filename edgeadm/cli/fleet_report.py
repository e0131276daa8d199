"""The final report of a run of a fleet, as text: failures by cause, traffic, and how to continue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edgeadm.cli.console import columns
from edgeadm.fleet.model import Machine
from edgeadm.fleet.plain import duration, number, plain, size
from edgeadm.fleet.states import State
from edgeadm.fleet.summary import Cause, Summary
from edgeadm.fleet.work import Action

NAMES = 5
WORDS = {State.READY: "ready", State.RESET: "reset"}


def report(summary: Summary) -> list[str]:
    """The lines of the report."""
    lines = [_headline(summary)]
    for title, causes in (
        ("Failed", summary.failures),
        ("Waiting: not reachable, or not ready yet", summary.waiting),
        ("Warnings", summary.warnings),
    ):
        if causes:
            lines += ["", f"{title}:", *_causes(causes, summary)]
    labelled = [
        each.machine.name
        for each in summary.results
        if each.change == Action.LABELS.value and each.state is State.READY
    ]
    if labelled:
        lines += ["", f"Labels and taints changed: {names(labelled)}"]
    if summary.untouched:
        why = f" ({plain(summary.stopped)})" if summary.stopped else ""
        lines += ["", f"Not started{why}: {names(summary.untouched)}"]
    if summary.wan or summary.lan:
        lines += ["", f"Transferred: {size(summary.wan)} over the WAN, {size(summary.lan)} inside the sites"]
    if summary.journal:
        lines.append(f"Journal: {plain(summary.journal)}")
    if summary.again:
        lines += ["", f"Continue with: {plain(summary.again, 1000)}"]
    return lines


def _headline(summary: Summary) -> str:
    total = len(summary.results)
    goal = State.RESET if summary.count(State.RESET) else State.READY
    parts = [f"{summary.count(State.READY, State.RESET)} of {number(total)} {_are(total)} {WORDS[goal]}"]
    if summary.done:
        parts.append(f"{len(summary.done)} from an earlier run")
    for state, word in ((State.FAILED, "failed"), (State.WAITING, "waiting")):
        if summary.count(state):
            parts.append(f"{summary.count(state)} {word}")
    if summary.untouched:
        parts.append(f"{len(summary.untouched)} not started")
    return f"{', '.join(parts)}; {duration(summary.seconds)}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _causes(causes: Sequence[Cause], summary: Summary) -> Iterator[str]:
    places = {each.machine.name: each.machine for each in summary.results}
    for cause in causes:
        text = plain(cause.text) + (f" (and {cause.texts - 1} similar)" if cause.texts > 1 else "")
        yield f"  {plain(cause.code)}: {text}" if text else f"  {plain(cause.code)}"
        yield f"    {number(len(cause.machines))}: {names(cause.machines, places)}"
        if cause.hint:
            yield f"    hint: {plain(cause.hint, 1000)}"


def names(every: Iterable[str], places: dict[str, Machine] | None = None, limit: int = NAMES) -> str:
    """Names of machines, the first with their addresses, and the number of the others."""
    found = list(every)
    shown = [_named(name, (places or {}).get(name)) for name in found[:limit]]
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(shown) + more


def _named(name: str, machine: Machine | None) -> str:
    if machine is None or machine.address == name:
        return plain(name)
    return f"{plain(name)} ({plain(machine.address)})"


COLUMNS = ("NAME", "ADDRESS", "SITE", "ROLE", "STATE", "CHANGE", "SECONDS", "WAN", "LAN", "CODE", "DETAIL")


def wide(summary: Summary) -> list[str]:
    """The table of `-o wide`: a line for each machine, columns as in kubectl. The last column is not cut."""
    rows = [COLUMNS] + [
        (
            plain(each.machine.name),
            plain(each.machine.address),
            plain(each.machine.site) or "-",
            each.machine.role.value,
            each.state.value,
            each.change or "-",
            f"{each.seconds:.1f}",
            size(each.wan),
            size(each.lan),
            plain(each.code) or "-",
            plain(each.detail) or "-",
        )
        for each in summary.results
    ]
    return columns(rows)
