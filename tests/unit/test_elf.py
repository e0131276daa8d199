"""The glibc that files need, read from real ones."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from edgeadm.package.elf import glibc_by_file, glibc_needed, loader, needed


def test_the_python_that_runs_this_needs_some_glibc(tmp_path: Path) -> None:
    shutil.copy(sys.executable, tmp_path / "python")
    (tmp_path / "notes.txt").write_text("no program")
    assert list(glibc_by_file(tmp_path)) == ["python"]
    major, minor = glibc_needed(tmp_path).split(".")[:2]
    assert (int(major), int(minor)) >= (2, 2)


def test_a_folder_without_programs_needs_none(tmp_path: Path) -> None:
    assert glibc_needed(tmp_path) == ""


def test_the_loader_is_named() -> None:
    assert "ld-linux" in loader(Path(sys.executable).resolve())


def test_the_libraries_that_a_program_loads_itself_are_named() -> None:
    assert "libc.so.6" in needed(Path(sys.executable).resolve())
