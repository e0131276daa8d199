"""Errors in the configuration of a command."""

from __future__ import annotations

from edgeadm.errors import ConfigError


class ConfigFileMissingError(ConfigError):
    """The configuration file does not exist or cannot be read."""

    code = "config-unreadable"


class ConfigSyntaxError(ConfigError):
    """The configuration file is not YAML, or a document in it is not a mapping with apiVersion and kind."""

    code = "config-syntax"


class UnknownDocumentError(ConfigError):
    """The configuration file contains a document that neither edgeadm nor kubeadm reads."""

    code = "config-unknown-kind"


class UnknownKeyError(ConfigError):
    """An EdgeConfiguration document has a key that does not exist."""

    code = "config-unknown-key"
