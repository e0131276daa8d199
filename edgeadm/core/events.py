"""The events of a run, which `-o jsonl` writes to stdout: one JSON object per line.

`docs/reference/events.schema.json` is the JSON Schema of a line. A test keeps it equal to these classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar

# The value of `schema` in each line: increases if a program that reads earlier lines would misread the new
# ones. New events and new fields do not increase it.
SCHEMA = 1


def about(text: str, **more: Any) -> Any:
    """A field with its description in the schema; `enum` are its values. An empty field with a default is
    omitted."""
    default = {"default": more.pop("default")} if "default" in more else {}
    return field(**default, metadata={"text": text, **more})


@dataclass(frozen=True)
class Event:
    """The base class of all events."""

    event: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """The fields of the event with their keys in the line."""
        return {
            key_of(each): getattr(self, each.name)
            for each in fields(self)
            if is_required(each) or getattr(self, each.name)
        }


@dataclass(frozen=True)
class RunBegin(Event):
    """A run starts. This is the first line, except for a command line that is rejected."""

    event = "run"
    verb: str = about("The verb, such as `init` or `addon edge-apps`.")
    edgeadm: str = about("The version of edgeadm.")
    log: str = about("The path of the log, a file that the first change creates.", default="")


@dataclass(frozen=True)
class PhaseBegin(Event):
    """A phase starts."""

    event = "phase-begin"
    phase: str = about("The path of the phase, such as `edge-apps/tunnel`.")
    needed: bool = about("Whether the phase is applied.")
    reason: str = about("The reason.")


@dataclass(frozen=True)
class PhaseLine(Event):
    """A phase, or a program that it runs, prints a line."""

    event = "phase-line"
    phase: str = about("The path of the phase.")
    message: str = about("The line.")


@dataclass(frozen=True)
class PhaseEnd(Event):
    """A phase ended."""

    event = "phase-end"
    phase: str = about("The path of the phase.")
    result: str = about("The result.", enum=("done", "unneeded", "failed"))
    seconds: float = about("The duration.")


@dataclass(frozen=True)
class Message(Event):
    """A verb without phases reports progress."""

    event = "message"
    message: str = about("The text.")


@dataclass(frozen=True)
class MachineState(Event):
    """A member of a fleet changed its state."""

    event = "machine-state"
    machine: str = about("The name of the member.")
    before: str = about("The state before.")
    state: str = about(
        "The state: `known`, `reachable`, `checked`, `loaded`, `joining`, `joined`, `ready`, `resetting`, "
        "`reset`, `waiting` or `failed`."
    )
    seconds: float = about("The time in the state before.")
    detail: str = about("The reason.", default="")
    code: str = about("The code of the error or check, for `waiting` and `failed`.", default="")
    hint: str = about("The action to take.", default="")


@dataclass(frozen=True)
class MachineStep(Event):
    """A step of a member of a fleet starts, or a phase of the edgeadm that runs there."""

    event = "machine-step"
    machine: str = about("The name of the member.")
    step: str = about("The step, such as `connect` or `load`, or the path of a phase.")
    detail: str = about("The reason.", default="")


@dataclass(frozen=True)
class Warned(Event):
    """The run continues in spite of a problem."""

    event = "warning"
    message: str = about("The problem.")
    phase: str = about("The path of the phase in which it occurred.", default="")


@dataclass(frozen=True)
class Failed(Event):
    """The last line of a run that failed, was interrupted, or was rejected."""

    event = "error"
    code: str = about("The code of the error; `interrupted` for Ctrl-C, SIGTERM and SIGHUP.")
    message: str = about("The problem.")
    exit_code: int = about("The exit status.")
    hint: str = about("The action to take.", default="")
    context: str = about("Details, such as the output of a command; several lines.", default="")
    log: str = about("The path of the log.", default="")
    findings: Sequence[Any] = about("The failed preflight checks.", default=())


@dataclass(frozen=True)
class Ended(Event):
    """The last line of a run that ended by itself."""

    event = "result"
    result: object = about("The document that `-o json` prints; null if there is none.")
    exit_code: int = about("The exit status: not 0 if, for example, a service did not survive a drill.")


EVENTS: tuple[type[Event], ...] = (
    RunBegin,
    PhaseBegin,
    PhaseLine,
    PhaseEnd,
    Message,
    MachineState,
    MachineStep,
    Warned,
    Failed,
    Ended,
)


def is_required(each: Field[Any]) -> bool:
    """Whether the field is in every line of its event."""
    return each.default is MISSING


def key_of(each: Field[Any]) -> str:
    """The key of a field in a line: exit_code → exitCode."""
    head, *rest = each.name.split("_")
    return head + "".join(part.capitalize() for part in rest)
