"""Reasons why a drill does not run."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError, PhaseError


class DrillRunningError(EdgeadmError):
    """A drill is running on this host, or one was killed and its block still exists."""

    code = "drill-running"
    exit_code = 8


class NotBlockedError(PhaseError):
    """The API server was not blocked, or not for the whole drill: the result would be meaningless."""

    code = "drill-not-blocked"


class CutsOperatorError(PhaseError):
    """The drill would remove the address of the operator's connection."""

    code = "drill-cuts-operator"


class NotLiftedError(PhaseError):
    """The rules that block the API server could not be removed."""

    code = "drill-not-lifted"
