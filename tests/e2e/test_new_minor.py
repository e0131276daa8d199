"""The sets and the recipe of the version, regenerated from its module by `tools/new-minor`."""

from __future__ import annotations

import shutil
import sys
from filecmp import dircmp
from pathlib import Path

import pytest

from edgeadm.assets import install_pkgs
from edgeadm.hosts.process import execute
from edgeadm.package.builder import load_recipe
from tests.e2e.release import KUBERNETES, RECIPE

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]


def differing(found: dircmp[str]) -> list[str]:
    """Names of the files that differ between both directories."""
    below = [name for each in found.subdirs.values() for name in differing(each)]
    return [*found.left_only, *found.right_only, *found.diff_files, *below]


def written(root: Path) -> str:
    """The output of the tool, which writes the version to this directory."""
    words = [sys.executable, str(ROOT / "tools" / "new_minor.py"), KUBERNETES, "--root", str(root)]
    return execute(words, env={"PYTHONPATH": str(ROOT)}).checked().out


def test_the_same_version_gives_the_files_that_are_committed(tmp_path: Path) -> None:
    root = tmp_path / "install-pkgs"
    shutil.copytree(install_pkgs(), root)
    shutil.rmtree(root / RECIPE.sets["kubernetes"].folder.relative_to(install_pkgs()))
    written(root)
    assert differing(dircmp(install_pkgs(), root)) == []


def test_a_new_minor_release_of_etcd_gets_a_set_with_its_newest_patch(tmp_path: Path) -> None:
    root = tmp_path / "install-pkgs"
    shutil.copytree(install_pkgs(), root)
    folder = root / RECIPE.sets["etcd"].folder.relative_to(install_pkgs())
    shutil.rmtree(folder)
    assert f"new: sets/{folder.name} v" in written(root)
    minor = RECIPE.sets["etcd"].version.rpartition(".")[0]
    assert load_recipe(KUBERNETES, root).sets["etcd"].version.startswith(f"{minor}.")
    assert (folder / "go.sum").read_text()


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "tools" / "new_minor.py"), "1.38", "--root", str(tmp_path)]
    done = execute(words, env={"PYTHONPATH": str(ROOT)})
    assert done.code == 2
    assert "is not a release" in done.err
