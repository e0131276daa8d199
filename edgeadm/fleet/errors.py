"""Errors of runs of a fleet."""

from __future__ import annotations

from edgeadm.errors import ConfigError, EdgeadmError, LockedError, UnreachableError


class FleetLockedError(LockedError):
    """Another run for the same fleet is in progress on this host."""

    code = "fleet-locked"


class NoRunError(ConfigError):
    """There is no run of this fleet that can be resumed."""

    code = "fleet-no-run"


class RunJournalError(EdgeadmError):
    """The journal of a run is damaged or cannot be written."""

    code = "fleet-journal"


class SelectorError(ConfigError):
    """A selector of `--limit` is invalid or selects no machine."""

    code = "fleet-selector"


class ClusterAwayError(UnreachableError):
    """The API server of the cluster does not respond, so that no token can be created."""

    code = "fleet-cluster-unreachable"


class NodeNotReadyError(EdgeadmError):
    """The machine has joined, but its Node did not become Ready in time."""

    code = "fleet-node-not-ready"
    exit_code = 4


class JoinLostError(EdgeadmError):
    """`edgeadm` on the machine ended without a result, several times."""

    code = "fleet-run-lost"
    exit_code = 4


class LostMachineError(UnreachableError):
    """The connection to a machine was lost while edgeadm ran on it, and could not be opened again in time."""

    code = "fleet-connection-lost"


class BusyMachineError(EdgeadmError):
    """edgeadm runs on the machine, and its run is not the one that was requested."""

    code = "fleet-machine-busy"
    exit_code = 4


class FleetCheckError(EdgeadmError):
    """A machine failed checks. `cause` is the code of the first failed check."""

    code = "fleet-check"
    exit_code = 2

    def __init__(self, cause: str, message: str, context: str = "", hint: str = "") -> None:
        super().__init__(message, context=context, hint=hint)
        self.cause = cause


class FleetBugError(EdgeadmError):
    """An unexpected exception in a step of a machine: a bug in edgeadm, please report it."""

    code = "fleet-bug"
    exit_code = 4
