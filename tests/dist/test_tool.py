"""The archive of the executable depends on its content alone."""

from __future__ import annotations

import importlib.util
import os
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dist() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dist", ROOT / "tools" / "dist.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(folder: Path, order: list[str]) -> Path:
    for name in order:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"this is {name}")
    (folder / "edgeadm").chmod(0o755)
    (folder / "link").symlink_to("edgeadm")
    return folder


def test_same_content_same_bytes(dist: ModuleType, tmp_path: Path) -> None:
    names = ["edgeadm", "_internal/run", "_internal/edgeadm/__init__.pyc"]
    one, two = tree(tmp_path / "one", names), tree(tmp_path / "two", names[::-1])
    os.utime(two / "edgeadm", (1, 1))
    os.link(two / "edgeadm", tmp_path / "elsewhere")
    dist.pack(one, "edgeadm-1", tmp_path / "one.tar.gz")
    dist.pack(two, "edgeadm-1", tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "two.tar.gz") as archive:
        entries = {entry.name: entry for entry in archive}
    assert entries["edgeadm-1/edgeadm"].mode == 0o755
    assert entries["edgeadm-1/edgeadm"].isreg()
    assert entries["edgeadm-1/link"].issym()
