"""The reason for which a script did not begin, from the texts of real shells and of sudo 1.9."""

from __future__ import annotations

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.hosts.ssh import Login, Target
from edgeadm.hosts.ssh.errors import (
    NoShellError,
    NotSshError,
    SudoDeniedError,
    SudoMissingError,
    SudoPasswordError,
)
from edgeadm.hosts.ssh.refused import explain

OPS = Target("10.0.0.7", login=Login(user="ops"))


@pytest.mark.parametrize(
    ("code", "out", "err", "kind"),
    [
        (127, "", "bash: line 1: exec: sudo: not found", SudoMissingError),
        (127, "", "sh: 1: exec: sudo: not found", SudoMissingError),
        (127, "", "fish: Unknown command: sudo", SudoMissingError),
        (1, "", "sudo: a password is required", SudoPasswordError),
        (1, "", "Sorry, try again.\nsudo: no password was provided", SudoPasswordError),
        (1, "", "sudo: 3 incorrect password attempts", SudoPasswordError),
        (1, "", "ops is not in the sudoers file.", SudoDeniedError),
        (1, "", "Sorry, user ops is not allowed to execute '/bin/sh' as root on x.", SudoDeniedError),
        (1, "", "sudo: sorry, you must have a tty to run sudo", SudoDeniedError),
        (1, "", "sudo: unable to open audit system", SudoDeniedError),
        (1, "This account is currently not available.\n", "", NoShellError),
        (1, "", "", NoShellError),
        (None, "", "", NotSshError),
    ],
)
def test_reasons(code: int | None, out: str, err: str, kind: type[EdgeadmError]) -> None:
    error = explain(OPS, code, out, err, sudo=True)
    assert type(error) is kind
    assert "ops@10.0.0.7" in error.message


def test_without_sudo_its_words_have_no_meaning() -> None:
    error = explain(OPS, 1, "", "sudo: a password is required", sudo=False)
    assert type(error) is NoShellError
    assert "sudo: a password is required" in error.context
