"""The tables of `edgeadm nodes plan|check|status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgeadm.checks.engine import WRONG, Finding
from edgeadm.cli import console
from edgeadm.cli.nodes_options import Asked
from edgeadm.cluster import Object
from edgeadm.errors import UnreachableError
from edgeadm.fleet import journal as journals
from edgeadm.fleet.events import MachineResult
from edgeadm.fleet.journal import Past
from edgeadm.fleet.plain import number, plain
from edgeadm.fleet.states import State
from edgeadm.fleet.summary import Summary
from edgeadm.fleet.work import Action

DIFFERS = "other values"
OTHER = ("OtherCluster", "ClusterRemains", "other-cluster", "remains-of-a-cluster")
STANDINGS = {
    Action.NOTHING.value: "joined",
    Action.JOIN.value: "new",
    Action.REINSTALL.value: "joined",
    Action.FOLLOW.value: "joining",
    Action.RESET.value: "joined",
    Action.LABELS.value: "differs",
}
DONE = {
    "new": "join",
    "joining": "follow",
    "joined": "nothing",
    "differs": "nothing",
}


def standing(result: MachineResult) -> str:
    """The standing of a machine: new, joined, joining, differs, other cluster, refused or unreachable."""
    if result.state is State.WAITING:
        return "unreachable"
    if result.state is State.FAILED:
        codes = {result.code, *(each.code for each in result.findings if each.result in WRONG)}
        return "other cluster" if codes & set(OTHER) else "refused"
    if result.change == Action.NOTHING.value and DIFFERS in result.detail:
        return "differs"
    return STANDINGS.get(result.change, "unknown")


def change(result: MachineResult, verb: str) -> str:
    """The change that the verb would make; `-` if none is possible."""
    if verb == "reset" and result.state is not State.WAITING:
        return "nothing" if standing(result) == "new" else "reset"
    if result.state in (State.WAITING, State.FAILED):
        return "-"
    if result.change in (Action.REINSTALL.value, Action.RESET.value, Action.LABELS.value):
        return result.change
    return DONE.get(standing(result), "-")


def plan_document(verb: str, summary: Summary) -> dict[str, Any]:
    """The document of `-o json`."""
    machines = [
        {**each.as_dict(), "standing": standing(each), "would": change(each, verb)}
        for each in summary.results
    ]
    counts = Counter(each["standing"] for each in machines)
    return {"verb": verb, "fleet": summary.fleet, "counts": dict(counts), "machines": machines}


def show_plan(summary: Summary) -> None:
    """A line for each machine, then the numbers, and hints by cause."""
    rows = [("NAME", "ADDRESS", "SITE", "ROLE", "STANDING", "CHANGE", "REASON")]
    rows += [
        (
            each.machine.name,
            each.machine.address,
            each.machine.site or "-",
            each.machine.role.value,
            standing(each),
            change(each, summary.verb),
            plain(f"{each.code}: {each.detail}" if each.code else each.detail) or "-",
        )
        for each in summary.results
    ]
    _lines(console.columns(rows))
    counts = Counter(change(each, summary.verb) for each in summary.results)
    told = [
        f"{counts[name]} {name}"
        for name in ("join", "reinstall", "reset", "follow", "labels", "nothing")
        if counts[name]
    ]
    if counts["-"]:
        told.append(f"{counts['-']} not possible")
    console.talk(f"{summary.fleet}, {number(len(summary.results))}: {', '.join(told)}")
    _hints(summary)


def show_checks(summary: Summary) -> None:
    """The warnings and failures of each machine, then the numbers."""
    for each in summary.results:
        console.data(f"{each.machine.name} ({plain(each.machine.address)}): {_verdict(each)}")
        for finding in each.findings:
            _show_finding(finding)
    states = Counter(each.state for each in summary.results)
    good = len(summary.results) - states[State.FAILED] - states[State.WAITING]
    console.talk(
        f"{summary.fleet}, {number(len(summary.results))}: {good} ready to join or joined, "
        f"{states[State.FAILED]} failed, {states[State.WAITING]} not reachable"
    )


def show_status(found: Asked, output: str) -> int:
    """The last known state of each machine. The exit status is 0, and 5 if the cluster does not respond."""
    folder = journals.folder_of(found.fleet.name, journals.runs_root())
    pasts = [journals.read(each) for each in journals.runs(folder)]
    nodes, code = _nodes(found)
    rows = [_status(each.name, each.address, each.site, pasts, nodes) for each in found.machines]
    if output == "json":
        runs = [each.as_dict() for each in pasts]
        console.data_json({"fleet": found.fleet.name, "machines": rows, "runs": runs})
        return code
    names = ["name", "site", "address", "state", "node", "version", "detail"]
    names += ["time", "code"] if output == "wide" else []
    cells = ([row[name] or "-" for name in names] for row in rows)
    _lines(console.columns([[name.upper() for name in names], *cells]))
    if pasts:
        ended = "" if pasts[0].ended else ", which was interrupted: continue it with `--resume`"
        console.talk(f"newest run: {pasts[0].verb} {pasts[0].run}, {pasts[0].started}{ended}")
    return code


def _nodes(found: Asked) -> tuple[Mapping[str, Object] | None, int]:
    assert found.access is not None, "the verb requires a cluster"  # noqa: S101
    try:
        nodes = found.access.cluster.list_objects("v1", "Node")
    except UnreachableError as error:
        console.warn(f"{console.WARNING}{error.message}")
        return None, UnreachableError.exit_code
    return {each["metadata"]["name"]: each for each in nodes}, 0


def _status(
    name: str, address: str, site: str, pasts: Sequence[Past], nodes: Mapping[str, Object] | None
) -> dict[str, str]:
    line = next((past.states[name] for past in pasts if name in past.states), {})
    node = (nodes or {}).get(name)
    status = (node or {}).get("status") or {}
    ready = next((each["status"] for each in status.get("conditions") or [] if each["type"] == "Ready"), "")
    shown = {"True": "Ready", "False": "NotReady", "Unknown": "NotReady"}.get(ready, "")
    return {
        "name": name,
        "site": site,
        "address": address,
        "state": str(line.get("state", "")),
        "node": shown or ("unknown" if nodes is None else ""),
        "version": str((status.get("nodeInfo") or {}).get("kubeletVersion", "")),
        "detail": plain(str(line.get("detail", ""))),
        "code": plain(str(line.get("code", ""))),
        "time": str(line.get("time", "")),
    }


def _verdict(result: MachineResult) -> str:
    if result.state is State.WAITING or (result.state is State.FAILED and not result.findings):
        return f"{result.code}: {plain(result.detail)}"
    return "failed" if result.state is State.FAILED else "ok"


def _show_finding(finding: Finding) -> None:
    console.data(f"  {finding.result:<7}  {finding.code}: {plain(finding.text)}")
    if finding.hint:
        console.data(f"           hint: {plain(finding.hint, 1000)}")


def _hints(summary: Summary) -> None:
    for cause in (*summary.failures, *summary.waiting):
        if cause.hint:
            console.talk(
                f"hint ({plain(cause.code)}, {number(len(cause.machines))}): {plain(cause.hint, 1000)}"
            )


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        console.data(line)
