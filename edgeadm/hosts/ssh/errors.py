"""Errors of SSH connections. A connection problem is an UnreachableError: another attempt may succeed. The
others are final: the same attempt fails again until a document, a key or the host is changed."""

from __future__ import annotations

from edgeadm.errors import ConfigError, EdgeadmError, UnreachableError


class SshError(EdgeadmError):
    """The SSH connection is not possible, and another attempt fails in the same way."""

    code = "ssh"
    exit_code = 5


class UnknownNameError(UnreachableError):
    """The name of the host has no address."""

    code = "ssh-name-unknown"


class ConnectionRefusedByHostError(UnreachableError):
    """The host responds, but no SSH server listens on this port."""

    code = "ssh-refused"


class NoRouteError(UnreachableError):
    """The network has no route to the host."""

    code = "ssh-no-route"


class ConnectTimeoutError(UnreachableError):
    """The host did not complete the SSH handshake and the login in time."""

    code = "ssh-timeout"


class NotSshError(UnreachableError):
    """The server on this port ended the handshake, or does not implement SSH 2."""

    code = "ssh-handshake"


class ConnectionLostError(UnreachableError):
    """The SSH connection was lost after the login."""

    code = "ssh-lost"


class JumpUnreachableError(UnreachableError):
    """A jump host does not respond."""

    code = "ssh-jump-unreachable"


class JumpRefusedError(SshError):
    """A jump host rejected the login, or its host key was rejected."""

    code = "ssh-jump-refused"


class ForwardingError(SshError):
    """A jump host does not permit connections to other hosts."""

    code = "ssh-jump-forwarding"


class LoginError(SshError):
    """The host rejected all credentials."""

    code = "ssh-login-refused"


class KeyFileError(ConfigError):
    """A private key cannot be read, or edgeadm does not support it."""

    code = "ssh-key-file"


class PassphraseError(ConfigError):
    """A private key is encrypted, and its passphrase is missing or wrong."""

    code = "ssh-passphrase"


class HostKeyUnknownError(SshError):
    """The key of the host is not known, and the rule for unknown hosts is `strict`."""

    code = "ssh-host-key-unknown"


class HostKeyChangedError(SshError):
    """The host has a key that differs from the known one, which is the sign of an attack or a new system."""

    code = "ssh-host-key-changed"


class HostKeyRevokedError(SshError):
    """The key of the host is marked `@revoked` in known_hosts."""

    code = "ssh-host-key-revoked"


class HostCertificateError(SshError):
    """The host presented a certificate that is expired, for another host, or of an unknown authority."""

    code = "ssh-host-certificate"


class HostKeyFileError(ConfigError):
    """A file or a value with host keys is invalid or cannot be written."""

    code = "ssh-host-key-file"


class NoShellError(SshError):
    """The user's login shell does not run commands, such as /sbin/nologin."""

    code = "ssh-no-shell"


class SudoMissingError(SshError):
    """The user is not root, and sudo is not installed on the host."""

    code = "ssh-sudo-missing"


class SudoPasswordError(SshError):
    """sudo requires a password, and none is given, or the given one is wrong."""

    code = "ssh-sudo-password"


class SudoDeniedError(SshError):
    """The user may not run commands with sudo."""

    code = "ssh-sudo-denied"


class SshConfigError(ConfigError):
    """The ssh_config file contains a value that edgeadm does not support."""

    code = "ssh-config"


class ScriptError(EdgeadmError):
    """A script or argument contains a NUL character, which no shell can receive."""

    code = "ssh-script"


class OutputError(SshError):
    """A script printed more than edgeadm accepts."""

    code = "ssh-output"
