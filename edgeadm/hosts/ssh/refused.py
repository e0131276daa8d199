"""The reason for which a host did not run a script, from the words of its login shell and of sudo."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError
from edgeadm.hosts.ssh.errors import (
    NoShellError,
    NotSshError,
    SudoDeniedError,
    SudoMissingError,
    SudoPasswordError,
)
from edgeadm.hosts.ssh.target import Target

PASSWORD = ("a password is required", "a terminal is required", "no password was provided")
WRONG = ("sorry, try again", "incorrect password attempt")
DENIED = (
    "is not in the sudoers file",
    "is not allowed to",
    "may not run sudo",
    "must have a tty",
    "unknown user",
)


def explain(target: Target, code: int | None, out: str, err: str, *, sudo: bool) -> EdgeadmError:
    """The error. `out` and `err` are the output before the script would have begun."""
    said = "\n".join(text.strip() for text in (err, out) if text.strip())[-1000:]
    if sudo and (error := _of_sudo(target, code, said)) is not None:
        return error
    if code is None:
        return NotSshError(f"{target.place} did not start a command", context=said)
    return NoShellError(
        f"the login shell of {target.place} does not run commands (status {code})",
        context=said or "the shell printed nothing",
        hint="use a user with a POSIX shell, and check its start-up files",
    )


def _of_sudo(target: Target, code: int | None, said: str) -> EdgeadmError | None:
    text = said.lower()
    user = target.login.user
    if any(word in text for word in WRONG):
        return SudoPasswordError(f"sudo on {target.place} rejected the password", context=said)
    if any(word in text for word in PASSWORD):
        return SudoPasswordError(
            f"sudo on {target.place} requires a password",
            context=said,
            hint=f"provide the sudo password, or permit {user} to use sudo without one",
        )
    if any(word in text for word in DENIED):
        return SudoDeniedError(
            f"{user} may not use sudo on {target.place}",
            context=said,
            hint=f"permit {user} to run /bin/sh as root in sudoers, or log in as root",
        )
    if code == 127 and "sudo" in text:
        return SudoMissingError(
            f"sudo is not installed on {target.place}", context=said, hint="install sudo, or log in as root"
        )
    if text.startswith("sudo:"):
        return SudoDeniedError(f"sudo on {target.place} failed", context=said)
    return None
