"""What is true of this machine alone: its files are written in two steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.hosts import LocalHost


def test_what_a_cut_off_write_left_goes_with_the_file(tmp_path: Path) -> None:
    host = LocalHost(root=tmp_path)
    (tmp_path / ".program.edgeadm").write_bytes(b"half")
    host.remove("/program")
    assert list(tmp_path.iterdir()) == []


def test_a_second_write_goes_past_what_the_first_left(tmp_path: Path) -> None:
    host = LocalHost(root=tmp_path)
    (tmp_path / ".program.edgeadm").write_bytes(b"half")
    host.write("/program", b"whole", 0o755)
    assert [path.name for path in tmp_path.iterdir()] == ["program"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    class Interrupted:
        size, sha256 = 1, ""

        def local(self) -> Path:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalHost(root=tmp_path).put(Interrupted(), "/program")
    assert list(tmp_path.iterdir()) == []
