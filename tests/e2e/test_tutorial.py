"""The contributor's tutorial, followed in a scratch clone: its files, changes and tests, in their order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doc_blocks import blocks, change, commands

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial.md"
BLOCKS = blocks(PAGE)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, with the set-up of this tree."""
    folder = tmp_path_factory.mktemp("tutorial") / "edgeadm"
    clone = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)]
    subprocess.run(clone, check=True, capture_output=True)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    return folder


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the page; interpreters find the modules of the clone first. Settings of this pytest
    are not inherited."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env = own | {"PYTHONPATH": str(folder), "GIT_PAGER": "cat"}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_the_tutorial_works_from_its_begin_to_its_end(clone: Path) -> None:
    seen: list[str] = []
    for block in BLOCKS:
        seen.append(block.mark or block.kind)
        if block.mark == "file":
            assert not (clone / block.value).exists()
            (clone / block.value).write_text(block.text)
        elif block.kind == "diff":
            wanted = change(block)
            text = (clone / wanted.path).read_text()
            assert text.count(wanted.old) == 1, f"{wanted.path}: {wanted.old}"
            (clone / wanted.path).write_text(text.replace(wanted.old, wanted.new))
        elif block.mark in ("fails", "passes"):
            for command in commands(block.text):
                done = run(clone, command.text)
                said = f"{command.text}: {done.stdout[-3000:]}{done.stderr}"
                assert (done.returncode == 0) is (block.mark == "passes"), said
    assert (seen.count("file"), seen.count("fails")) == (4, 3)
    assert seen.count("passes") > seen.count("fails")


def test_the_clone_is_changed_as_the_tutorial_says_and_nowhere_else(clone: Path) -> None:
    changed = run(clone, "git status --porcelain").stdout.split()[1::2]
    named = {block.value for block in BLOCKS if block.mark == "file"}
    named |= {change(block).path for block in BLOCKS if block.kind == "diff"}
    assert set(changed) == named | {"tests/golden/texts/sysctl.conf", ".venv"}
