"""The live table of a run on a terminal: machines, or, of many, sites and the slowest machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from edgeadm.fleet.plain import duration, plain
from edgeadm.fleet.states import State
from edgeadm.fleet.tally import GOOD, Seen, Tally

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

FEW = 20
SLOWEST = 10
BAR = 24
NAME = 20
NARROW = 60
MARKS = {State.FAILED: ("✗", "red"), State.WAITING: ("…", "yellow"), State.KNOWN: ("·", "dim")}
GOOD_MARK, ACTIVE_MARK = ("✓", "green"), ("▸", "cyan")


def render(tally: Tally, now: float, width: int, height: int) -> RenderableType:
    """The table at this time, in seconds since the start, for a terminal of this size."""
    from rich.console import Group

    if len(tally.machines) <= FEW:
        return Group(_machines(tally.machines.values(), now, width), _total(tally, now, width, 5))
    sites = tally.sites if len(tally.sites) > 1 else {}
    room = max(len(plain(name or "-", NAME)) for name in (*sites, "total"))
    return Group(
        *_sites(sites, width, room, max(height - SLOWEST - 4, 1)),
        _total(tally, now, width, room),
        _machines(tally.slowest(now, SLOWEST), now, width),
    )


def _machines(seen: Iterable[Seen], now: float, width: int) -> RenderableType:
    """A line for each machine. Texts are never interpreted as markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1), expand=False)
    table.add_column(no_wrap=True, width=1)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(width // 3, 12))
    if width >= NARROW:
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column(no_wrap=True, justify="right", min_width=6)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for each in seen:
        mark, style = mark_of(each)
        cells = [Text(mark, style), Text(plain(each.machine.name))]
        if width >= NARROW:
            cells.append(Text(plain(each.machine.site), "dim"))
        time = duration(each.seconds(now)) if each.first is not None else ""
        table.add_row(*cells, Text(time, "dim"), Text(doing(each), style if each.is_final else ""))
    return table


def mark_of(seen: Seen) -> tuple[str, str]:
    """The mark of a machine, and its style."""
    if seen.state in GOOD:
        return GOOD_MARK
    if seen.is_active:
        return ACTIVE_MARK
    return MARKS.get(seen.state, ACTIVE_MARK)


def doing(seen: Seen) -> str:
    """The state of a machine, and its current step or its reason, in one line."""
    if seen.is_final:
        detail = plain(seen.detail)
        words = [seen.state.value] if seen.state in GOOD else [f"{seen.state.value}:"]
        words += [detail] if detail else []
        words += [f"[{plain(seen.code)}]"] if seen.code else []
        return " ".join(words)
    step = plain(seen.phase)
    return f"{seen.state.value} · {step}" if step else seen.state.value


def _sites(sites: Mapping[str, Sequence[Seen]], width: int, room: int, limit: int) -> list[Text]:
    """A bar for each site, those with work left first."""
    from rich.text import Text

    order = sorted(sites, key=lambda name: all(each.is_final for each in sites[name]))
    lines = [_title(name or "-", room) + bar(sites[name], width) for name in order[:limit]]
    more = len(order) - limit
    return lines + ([Text(f"and {more} more sites", "dim")] if more > 0 else [])


def _total(tally: Tally, now: float, width: int, room: int) -> Text:
    line = _title("total", room) + bar(list(tally.machines.values()), width)
    line.append(f"  {duration(now)}", "dim")
    if tally.notices and width >= NARROW:
        line.append(f"  {plain(tally.notices[-1])}", "yellow")
    return line


def _title(name: str, room: int) -> Text:
    """A name in front of a bar; all bars of a table begin in one column."""
    from rich.text import Text

    return Text(f"{plain(name, NAME):<{room}} ", no_wrap=True)


def bar(seen: Sequence[Seen], width: int) -> Text:
    """A bar with the shares of ready, failed, waiting and active machines, and their numbers."""
    from rich.text import Text

    room = min(BAR, max(width // 3, 5))
    counts = {
        "green": sum(each.state in GOOD for each in seen),
        "red": sum(each.state is State.FAILED for each in seen),
        "yellow": sum(each.state is State.WAITING for each in seen),
        "cyan": sum(each.is_active for each in seen),
    }
    signs = {"green": "█", "red": "▓", "yellow": "▒", "cyan": "░"}
    line, used, passed = Text(no_wrap=True), 0, 0
    for style, count in counts.items():
        passed += count
        cells = room * passed // max(len(seen), 1) - used
        line.append(signs[style] * cells, style)
        used += cells
    line.append("·" * (room - used), "dim")
    line.append(f" {counts['green']}/{len(seen)}")
    for style, sign in (("red", "✗"), ("yellow", "…"), ("cyan", "▸")):
        if counts[style]:
            line.append(f" {sign} {counts[style]}", style)
    return line
