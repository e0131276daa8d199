from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.core.lock import lock
from edgeadm.errors import LockedError


def test_the_second_run_is_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock("edgeadm init", path), pytest.raises(LockedError) as caught, lock("edgeadm join", path):
        pass
    assert caught.value.exit_code == 8
    assert "edgeadm init" in caught.value.context
    assert "pid " in caught.value.context


def test_nothing_is_left_and_it_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(2):
        with lock("edgeadm init", path):
            assert path.exists()
        assert not path.exists()


def test_a_holder_that_died_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("pid 1: edgeadm init\n")
    with lock("edgeadm init", path):
        assert path.exists()
