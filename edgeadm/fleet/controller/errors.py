"""Reasons why the controller cannot work on a NodeTask."""

from __future__ import annotations

from edgeadm.errors import ConfigError, EdgeadmError


class TaskError(ConfigError):
    """The spec of a NodeTask is invalid; each line of the context names one field."""

    code = "fleet-task"


class CredentialError(EdgeadmError):
    """The Secret of a NodeTask does not exist, or contains neither a password nor a private key."""

    code = "fleet-credential"


class StoreError(EdgeadmError):
    """The controller finds no offline package for the machines of a NodeTask."""

    code = "fleet-store"


class ProxyError(EdgeadmError):
    """The proxy node of a NodeTask does not exist, or its Job failed."""

    code = "fleet-proxy"


class NotLeaderError(EdgeadmError):
    """Another replica is the leader now: this one does nothing more."""

    code = "fleet-not-leader"
