"""The recipe of the self-contained executable; that it runs is shown by the journeys."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgeadm.errors import MissingToolError
from edgeadm.package import executable
from edgeadm.package.freeze import imports_of
from edgeadm.package.launcher import SCRIPT


def test_imports_are_those_of_others_wherever_they_stand() -> None:
    source = b"""
from __future__ import annotations
import json, os.path
from edgeadm.errors import EdgeadmError
import edgeadm
def late():
    from kubernetes.dynamic import DynamicClient as Client
"""
    assert imports_of([source]) == "from kubernetes.dynamic import DynamicClient\nimport json\nimport os.path"


def test_a_frozen_edgeadm_is_its_own_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "edgeadm-1" / "_internal" / "run"))
    assert executable.executable_tree(tmp_path / "cache", print) == tmp_path / "edgeadm-1"


def test_without_pyinstaller_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PyInstaller", None)  # the import system's own sign for "not there"
    with pytest.raises(MissingToolError) as caught:
        executable.executable_tree(tmp_path, lambda _text: None)
    assert "edgeadm[build]" in caught.value.hint
    assert list((tmp_path / "executable").iterdir()) == []


def test_the_launcher_finds_its_folder_through_links() -> None:
    script = SCRIPT.format(inside="_internal", loader="ld.so", program="run")
    assert 'readlink -f "$0"' in script
    assert script.endswith('exec "$here/ld.so" --library-path "$here" "$here/run" "$@"\n')
