"""Every failure that a user can act on.

One class per failure, one kebab-case `code` per class, one row in `docs/reference/errors.md` (generated).
The message says what is wrong, the hint says what to do. Sub-packages define their own families by
subclassing `EdgeadmError` in an `errors.py` of their own. This module imports nothing of ours.

Exit status: 1 general and usage, 2 preflight or another check, 3 validation, 4 a phase failed, 5 host or API
not reached, 6 package refused, 8 another edgeadm holds the lock, 128+N ended by the signal N
(130: Ctrl-C).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar


class EdgeadmError(Exception):
    """An error with a code, a message and a hint. `log` is the path of the run's log, if any."""

    code: ClassVar[str] = "edgeadm"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, context: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.context = context
        self.hint = hint
        self.log = ""

    def as_dict(self) -> dict[str, Any]:
        """The error as a document for `-o json`."""
        fields: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "context": self.context,
            "hint": self.hint,
            "log": self.log,
            "exitCode": self.exit_code,
        }
        return {key: value for key, value in fields.items() if value != ""}


class UsageError(EdgeadmError):
    """The combination of arguments is invalid."""

    code = "usage"


class UnknownPhaseError(EdgeadmError):
    """The verb has no phase with this name."""

    code = "unknown-phase"


class NotRootError(EdgeadmError):
    """The command changes the host or reads protected files, and was not started by root."""

    code = "not-root"


class MissingToolError(EdgeadmError):
    """A program that this step requires is not installed."""

    code = "missing-tool"


class CommandError(EdgeadmError):
    """A command on a host exited with a status other than 0."""

    code = "command-failed"
    exit_code = 4

    def __init__(self, message: str, *, context: str = "", hint: str = "", status: int = 1) -> None:
        super().__init__(message, context=context, hint=hint)
        self.status = status


class PreflightError(EdgeadmError):
    """One or more preflight checks failed; nothing was changed. `findings` are for `-o json`."""

    code = "preflight"
    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", findings: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message, hint=hint)
        self.findings = findings

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"findings": [dict(each) for each in self.findings]}


class ConfigError(EdgeadmError):
    """A flag, a variable or the configuration file contains an invalid value."""

    code = "invalid-config"
    exit_code = 3


class NotAnEdgeNodeError(ConfigError):
    """The command is for edge nodes, and this host is not one."""

    code = "not-an-edge-node"


class OtherNodeError(ConfigError):
    """The named node is not this node."""

    code = "not-this-node"


class UnsupportedVersionError(EdgeadmError):
    """edgeadm does not support this Kubernetes or kubeadm version."""

    code = "unsupported-version"
    exit_code = 3


class PhaseError(EdgeadmError):
    """A phase has run, but its result was not reached."""

    code = "phase-failed"
    exit_code = 4


class WaitError(EdgeadmError):
    """A condition was not met in time."""

    code = "wait-timeout"
    exit_code = 4


class UnreachableError(EdgeadmError):
    """The host or the API server does not respond."""

    code = "unreachable"
    exit_code = 5


class ApiError(EdgeadmError):
    """The API server rejected a request."""

    code = "api-refused"
    exit_code = 5


class LockedError(EdgeadmError):
    """Another edgeadm process is running on this host."""

    code = "locked"
    exit_code = 8


def every_error() -> Iterator[type[EdgeadmError]]:
    """All error classes that are loaded, base first."""
    todo: list[type[EdgeadmError]] = [EdgeadmError]
    while todo:
        cls = todo.pop(0)
        yield cls
        todo.extend(cls.__subclasses__())
