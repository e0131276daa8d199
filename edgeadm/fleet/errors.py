"""Errors of fleets: of runs on this host, and of the steps on a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeadm.checks.engine import Finding
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
    """edgeadm failed on a machine. `cause` is the code of its error there, or of the first check that failed
    there; `findings` are all of these."""

    code = "run-failed"
    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        cause: str = "",
        context: str = "",
        hint: str = "",
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(message, context=context, hint=hint)
        self.cause = cause
        self.findings = tuple(findings)

    def as_dict(self) -> dict[str, Any]:
        """The error as a document, with the code of the cause."""
        return super().as_dict() | ({"cause": self.cause} if self.cause else {})


class CredentialsMissingError(ConfigError):
    """The Secret that a NodeTask names as `sshCredential` does not exist in the cluster."""

    code = "fleet-credentials-missing"


class NoAdminConfError(EdgeadmError):
    """The control plane of a fleet has no admin.conf, or kubeadm cannot use it."""

    code = "fleet-no-admin-conf"
    exit_code = 4


class NotThisClusterError(ConfigError):
    """The control plane of the document belongs to a cluster without the document's first machine."""

    code = "fleet-not-this-cluster"


class NoClusterError(ConfigError):
    """`edgeadm apply` has not created a cluster with this name on this host."""

    code = "fleet-no-such-cluster"
