"""Errors of fleets."""

from __future__ import annotations

from typing import Any

from edgeadm.errors import EdgeadmError


class BadAnswerError(EdgeadmError):
    """A machine answered with output that edgeadm does not accept: it is truncated, too long, or contains
    other data."""

    code = "bad-answer"
    exit_code = 4


class RemainsError(EdgeadmError):
    """A machine contains files of another cluster or of another Kubernetes distribution."""

    code = "remains-of-a-cluster"
    exit_code = 2


class NoPackageError(EdgeadmError):
    """The document names no package for the architecture of a machine."""

    code = "no-package-for-architecture"
    exit_code = 3


class NoSpaceError(EdgeadmError):
    """A machine lacks the disk space for the files of its role."""

    code = "machine-disk-full"
    exit_code = 4


class LoadError(EdgeadmError):
    """The files could not be stored on a machine, or differ from those that were sent."""

    code = "load-failed"
    exit_code = 4


class StartError(EdgeadmError):
    """A machine could not start the transient unit."""

    code = "unit-not-started"
    exit_code = 4


class InterruptedRunError(EdgeadmError):
    """A run on a machine ended without a result: the machine lost power, or the process was killed."""

    code = "run-interrupted"
    exit_code = 4


class RunFailedError(EdgeadmError):
    """edgeadm failed on a machine. `cause` is the code of its error there."""

    code = "run-failed"
    exit_code = 4

    def __init__(self, message: str, *, cause: str = "", context: str = "", hint: str = "") -> None:
        super().__init__(message, context=context, hint=hint)
        self.cause = cause

    def as_dict(self) -> dict[str, Any]:
        """The error as a document, with the code of the cause."""
        return super().as_dict() | ({"cause": self.cause} if self.cause else {})
