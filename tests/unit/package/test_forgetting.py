"""The cache forgets what has not been used for longest."""

from __future__ import annotations

import os
from pathlib import Path

from edgeadm.package.builder.cache import forget_older


def test_the_ones_used_last_stay(tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "newer", "old", "oldest")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    forget_older(tmp_path / "oldest", kept=3)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["newer", "newest", "oldest"]
