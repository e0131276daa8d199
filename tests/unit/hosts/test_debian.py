"""Which machines are Debian's family."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.hosts.debian import is_debian


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', True),
        ("NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\n", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('ID="fedora"\n', False),
        ('ID="openEuler"\nVERSION_ID="22.03"\n', False),
        ("# ID=debian\n", False),
        ("", False),
    ],
)
def test_os_release_says_whose_family_it_is(tmp_path: Path, text: str, expected: bool) -> None:
    path = tmp_path / "os-release"
    path.write_text(text)
    assert is_debian(path) is expected


def test_a_machine_without_os_release_is_none_of_it(tmp_path: Path) -> None:
    assert is_debian(tmp_path / "none") is False
