"""What is understood of apt, and when its answer is out of date."""

from __future__ import annotations

from pathlib import Path

from edgeadm.hosts.debs import archive_state, planned

SIMULATED = """NOTE: This is only a simulation!
Reading package lists...
The following NEW packages will be installed:
  haproxy libc6
Inst libc6 (2.36-9+deb12u14 Debian:12.11/oldstable [amd64]) []
Inst haproxy (2.6.12-1+deb12u4 Debian-Security:12/oldstable-security [amd64])
Conf libc6 (2.36-9+deb12u14 Debian:12.11/oldstable [amd64])
Conf haproxy (2.6.12-1+deb12u4 Debian-Security:12/oldstable-security [amd64])
"""


def test_a_simulation_names_packages_and_versions() -> None:
    assert planned(SIMULATED) == {"libc6": "2.36-9+deb12u14", "haproxy": "2.6.12-1+deb12u4"}


def test_the_state_changes_with_what_the_archive_says(tmp_path: Path) -> None:
    assert archive_state(tmp_path) == ""
    seen = set()
    for name, text in (("a_InRelease", b"1"), ("a_InRelease", b"2"), ("b_Release", b"2"), ("lock", b"")):
        (tmp_path / name).write_bytes(text)
        seen.add(archive_state(tmp_path))
    assert len(seen) == 3
