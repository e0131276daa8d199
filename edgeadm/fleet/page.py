"""The report of a run as one HTML page, without any other file: `--report FILE.html`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from edgeadm.checks.engine import Result
from edgeadm.config.secret import masked
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.events import MachineResult
from edgeadm.fleet.page_parts import SCRIPT, STYLE
from edgeadm.fleet.plain import duration, number, plain, plain_lines, size
from edgeadm.fleet.states import State
from edgeadm.fleet.summary import Cause, Summary
from edgeadm.fleet.tally import Span, Tally
from edgeadm.hosts import LocalHost

HEADS = ("Machine", "Address", "Site", "State", "Seconds", "WAN", "LAN", "Timeline", "Reason")
NUMBERS = ("Seconds", "WAN", "LAN")
FEW = 30
# A site with a shorter name is never wrapped.
SHORT = 20
UNTOUCHED = "untouched"


class ReportNotWrittenError(EdgeadmError):
    """The report page could not be written."""

    code = "report-not-written"


def write(path: Path, tally: Tally, *, written: str = "") -> None:
    """Write the page of a run that ended, atomically, readable by all users. `written` is the date to show.

    Raises ReportNotWrittenError.
    """
    summary = tally.summary()
    if summary is None:
        return
    spans = {name: seen.spans for name, seen in tally.machines.items()}
    try:
        LocalHost().write(str(path.absolute()), page(summary, spans, written=written).encode(), 0o644)
    except OSError as error:
        raise ReportNotWrittenError(
            f"the report {path} cannot be written: {error.strerror or error}",
            hint="pass another file with `--report`; the run itself is not affected",
        ) from error


def page(summary: Summary, spans: Mapping[str, Sequence[Span]], *, written: str = "") -> str:
    """The page. Texts of machines are escaped, and known secrets are masked. The content policy of the page
    permits only its own script, and no connection."""
    title = f"Fleet {summary.fleet}: {summary.verb}"
    parts = [
        f"<h1>{_text(title, summary)}</h1>",
        _subtitle(summary, written),
        _cards(summary),
        *_causes("Failures", "failed", summary.failures, summary),
        *_causes("Waiting", "waiting", summary.waiting, summary),
        *_causes("Warnings", "warning", summary.warnings, summary),
        *_again(summary),
        "<h2>Machines</h2>",
        _filters(summary),
        _table(summary, spans),
        _legend(),
    ]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title, summary)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + f"\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _subtitle(summary: Summary, written: str) -> str:
    words = [f"Run {summary.run}", written, duration(summary.seconds), f"exit status {summary.exit_code}"]
    return f'<p class="dim">{_text(", ".join(filter(None, words)), summary)}</p>'


def _text(text: str, summary: Summary, limit: int = 300) -> str:
    """A text for HTML, also inside of attributes with quotes."""
    return escape(plain(str(masked(text, summary.secrets)), limit), quote=True)


def _cards(summary: Summary) -> str:
    ready = summary.count(State.READY, State.RESET)
    cards = [
        ("ready", f"{ready} / {len(summary.results)}", "reset" if summary.count(State.RESET) else "ready")
    ]
    for state in (State.FAILED, State.WAITING):
        cards.append((state.value if summary.count(state) else "", str(summary.count(state)), state.value))
    if summary.untouched:
        cards.append(("", str(len(summary.untouched)), "not started"))
    if summary.done:
        cards.append(("", str(len(summary.done)), "from an earlier run"))
    cards += [("", size(summary.wan), "over the WAN"), ("", size(summary.lan), "inside the sites")]
    inner = "".join(f'<div class="card {kind}"><b>{value}</b>{name}</div>' for kind, value, name in cards)
    return f'<div class="cards">{inner}</div>'


def _causes(title: str, kind: str, causes: Iterable[Cause], summary: Summary) -> Iterator[str]:
    shown = list(causes)
    if shown:
        yield f"<h2>{title}</h2>"
    for cause in shown:
        more = f' <span class="dim">(and {cause.texts - 1} similar)</span>' if cause.texts > 1 else ""
        hint = f"<p>Hint: {_hint(cause.hint, summary)}</p>" if cause.hint else ""
        names = [_text(name, summary) for name in cause.machines]
        first, rest = ", ".join(names[:FEW]), names[FEW:]
        tail = f"<details><summary>and {len(rest)} more</summary>{', '.join(rest)}</details>" if rest else ""
        yield (
            f'<div class="cause {kind}"><p><code>{_text(cause.code, summary)}</code> '
            f"{_text(cause.text, summary)}{more}</p>{hint}"
            f'<p class="dim">{number(len(names))}: {first}</p>{tail}</div>'
        )


def _hint(hint: str, summary: Summary) -> str:
    """The hint, with commands between backquotes as code."""
    words = _text(hint, summary, 1000).split("`")
    if len(words) % 2 == 0:
        return "`".join(words)
    return "".join(f"<code>{word}</code>" if index % 2 else word for index, word in enumerate(words))


def _again(summary: Summary) -> Iterator[str]:
    if summary.untouched or summary.again or summary.notices:
        yield "<h2>How to continue</h2>"
    if summary.untouched:
        why = f": {_text(summary.stopped, summary)}" if summary.stopped else ""
        yield f"<p>{number(len(summary.untouched))} not started{why}.</p>"
    yield from (f"<p>{_text(notice, summary)}</p>" for notice in summary.notices)
    if summary.again:
        yield f'<p class="again"><code>{_text(summary.again, summary, 1000)}</code></p>'


def _filters(summary: Summary) -> str:
    options = "".join(f'<option value="{each}">{each}</option>' for each in sorted(summary.counts))
    return (
        '<div class="bar"><input id="words" type="search" placeholder="Filter by name, site or reason"'
        ' aria-label="Filter"><select id="state" aria-label="State"><option value="">all states</option>'
        f'{options}</select><span id="shown" class="dim"></span></div>'
    )


def _table(summary: Summary, spans: Mapping[str, Sequence[Span]]) -> str:
    heads = "".join(
        f'<th scope="col"{" class=number" if head in NUMBERS else ""}><button>{head}</button></th>'
        for head in HEADS
    )
    total = max(summary.seconds, 0.001)
    rows = "\n".join(_row(each, spans.get(each.machine.name, ()), total, summary) for each in summary.results)
    return (
        f'<div class="wrap"><table id="machines"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>'
        "</table></div>"
    )


def _row(result: MachineResult, spans: Sequence[Span], total: float, summary: Summary) -> str:
    machine = result.machine
    state = UNTOUCHED if machine.name in summary.untouched else result.state.value
    shown = "not started" if state == UNTOUCHED else state
    return (
        f'<tr data-state="{state}"><td class="name"><b>{_text(machine.name, summary)}</b></td>'
        f'<td class="tight">{_text(machine.address, summary)}</td>'
        f'<td class="{"tight" if len(machine.site) < SHORT else "name"}">{_text(machine.site, summary)}</td>'
        f'<td><span class="state" style="background:var(--{state})">{shown}</span></td>'
        f'<td class="number" data-value="{result.seconds:.3f}">{result.seconds:.1f}</td>'
        f'<td class="number" data-value="{result.wan}">{size(result.wan)}</td>'
        f'<td class="number" data-value="{result.lan}">{size(result.lan)}</td>'
        f"<td{_first(spans)}>{_line(spans, total, state)}</td><td>{_reason(result, summary)}</td></tr>"
    )


def _first(spans: Sequence[Span]) -> str:
    begin = min((each.begin for each in spans), default=0.0)
    return f' data-value="{begin:.3f}"'


def _line(spans: Sequence[Span], total: float, state: str) -> str:
    """The states of the machine along the time of the whole run, with a mark at its end."""
    pieces = "".join(
        f'<i style="left:{100 * each.begin / total:.2f}%;width:{100 * (each.end - each.begin) / total:.2f}%;'
        f'background:var(--{each.state.value})" title="{each.state.value}: '
        f'{each.end - each.begin:.1f} s, from {each.begin:.1f} s"></i>'
        for each in spans
    )
    left = 100 * spans[-1].end / total if spans else 0.0
    pieces += f'<i class="end" style="left:{left:.2f}%;background:var(--{state})"></i>' if spans else ""
    return f'<div class="line">{pieces}</div>'


def _reason(result: MachineResult, summary: Summary) -> str:
    text = _text(result.detail, summary)
    code = f"<code>{_text(result.code, summary)}</code> " if result.code else ""
    checks = [each for each in result.findings if each.result is Result.FAILED]
    text += "".join(
        f"<br><code>{_text(each.code, summary)}</code> {_text(each.text, summary)}" for each in checks
    )
    lines = plain_lines(str(masked(result.context, summary.secrets)))
    more = escape("\n".join(lines), quote=True)
    return code + text + (f"<details><summary>output</summary><pre>{more}</pre></details>" if more else "")


def _legend() -> str:
    states = [
        state for state in State if state not in (State.READY, State.RESET, State.FAILED, State.WAITING)
    ]
    items = "".join(f'<span><i style="background:var(--{each})"></i>{each}</span>' for each in states)
    return f'<div class="legend">{items}</div>'
