"""Errors in documents that describe fleets."""

from __future__ import annotations

from edgeadm.errors import ConfigError


class UnsetVariableError(ConfigError):
    """The document uses an environment variable that is not set."""

    code = "document-variable-unset"


class SecretInDocumentError(ConfigError):
    """The document contains a password in clear text."""

    code = "document-secret"


class CredentialError(ConfigError):
    """A credential that the document names by reference cannot be read."""

    code = "document-credential"


class DuplicateMachineError(ConfigError):
    """Two machines of the document have the same name or the same address."""

    code = "document-duplicate"


class ProxyNodeError(ConfigError):
    """The NodeTask has a `proxyNode`, which only the controller in the cluster can use."""

    code = "document-proxy-node"


class UnsupportedDocumentError(ConfigError):
    """The document has a value that edgeadm does not support, and that it cannot ignore."""

    code = "document-unsupported"
