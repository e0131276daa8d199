"""The ways in which a drill does not take place."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError, PhaseError


class DrillRunningError(EdgeadmError):
    """A drill is going on here, or one was killed and its block is still there."""

    code = "drill-running"
    exit_code = 8


class NotBlockedError(PhaseError):
    """The API server was not cut off, or not for as long as it should have been: that is no drill."""

    code = "drill-not-blocked"


class CutsOperatorError(PhaseError):
    """The drill would take away the address by which somebody is connected to this machine."""

    code = "drill-cuts-operator"


class NotLiftedError(PhaseError):
    """What cuts the API server off could not be taken away."""

    code = "drill-not-lifted"
