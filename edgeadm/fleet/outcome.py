"""The outcome of a run: exit status, and errors that the engine itself finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edgeadm.checks.engine import Finding
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.errors import FleetBugError, FleetCheckError, NodeNotReadyError
from edgeadm.fleet.progress import MachineRun
from edgeadm.fleet.states import State

PROBLEMS, SOME_FAILED, SOME_WAITING, INTERRUPTED = 2, 4, 5, 130


def exit_code(machines: Iterable[MachineRun], *, interrupted: bool = False, looking: bool = False) -> int:
    """The exit status: 130 after Ctrl-C, if machines are left; 4 (2 if the run only looks) if a machine
    failed, 5 if one is not reachable or was not started, otherwise 0."""
    runs = list(machines)
    states = {each.state for each in runs}
    left = any(not each.over for each in runs)
    if interrupted and left:
        return INTERRUPTED
    if State.FAILED in states:
        return PROBLEMS if looking else SOME_FAILED
    return SOME_WAITING if State.WAITING in states or left else 0


def failed_checks(failures: Sequence[Finding]) -> EdgeadmError:
    """The error of a machine that failed checks: the code and the hint are those of the first one."""
    first = failures[0]
    context = "\n".join(f"{each.code}: {each.text}" for each in failures[1:])
    return FleetCheckError(first.code, first.text or f"not true: {first.statement}", context, first.hint)


def not_ready(name: str, seconds: float) -> NodeNotReadyError:
    """The error of a Node that did not become Ready."""
    return NodeNotReadyError(
        f"the Node `{name}` is not Ready after {seconds:g} s",
        hint=f"`kubectl describe node {name}` shows its conditions",
    )


def bug(error: BaseException) -> FleetBugError:
    """An unexpected exception of a step; its text is omitted, because it may contain secrets."""
    where: Any = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f" ({where.tb_frame.f_code.co_name}, line {where.tb_lineno})" if where is not None else ""
    return FleetBugError(f"this is a bug in edgeadm: {type(error).__name__}{place}")
