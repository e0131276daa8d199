"""The interface between the loop and the runs of the engine, in this process or in a Job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from edgeadm.cluster import Object
from edgeadm.fleet.controller.job_pod import Trouble
from edgeadm.fleet.controller.task import Task
from edgeadm.fleet.states import State


@dataclass(frozen=True)
class Told:
    """The state of a machine as its run tells it. `host_keys` are those that it had at its first
    connection."""

    state: State
    code: str = ""
    message: str = ""
    host_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """A machine of a run. `known_keys` are the host keys that it must have, if any; `token` is the ID of a
    token that an earlier run may have left behind."""

    name: str
    address: str
    reinstall: bool = False
    known_keys: tuple[str, ...] = ()
    token: str = ""


class Runner(Protocol):
    """Runs the engine for tasks. Every method returns at once."""

    def is_running(self, obj: Object, task: Task) -> bool:
        """Whether a run for this task has not ended."""

    def trouble(self, obj: Object, task: Task) -> Trouble | None:
        """The reason why a run that has not ended does not work; None if there is none."""

    def start(self, obj: Object, task: Task, machines: Sequence[Wanted]) -> None:
        """Start a run for these machines. Raises an EdgeadmError if that is impossible now."""

    def tend(self, obj: Object, task: Task) -> None:
        """Do what a run needs from the controller, such as new tokens."""

    def told(self, obj: Object, task: Task) -> Mapping[str, Told]:
        """The newest states of the machines of the task's run, also after its end."""

    def forget(self, uid: str) -> None:
        """The task is finished or deleted: start nothing new, and revoke its tokens."""

    def stop(self) -> None:
        """Start nothing new: this replica is no longer the leader."""
