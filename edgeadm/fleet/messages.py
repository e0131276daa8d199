"""The messages from which the engine makes its decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeadm.cluster import Object
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.progress import MachineRun, Step
from edgeadm.fleet.steps import Inspected, Sent


@dataclass(frozen=True)
class Done:
    """A step ended."""

    run: MachineRun
    step: Step
    result: Inspected | Sent | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Progress:
    """A step progresses."""

    machine: str
    phase: str
    detail: str


@dataclass(frozen=True)
class Polled:
    """The Nodes of the cluster."""

    nodes: Sequence[Object] = ()
    error: EdgeadmError | None = None


@dataclass(frozen=True)
class Stop:
    """Start nothing new."""

    reason: str
