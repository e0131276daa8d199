"""The contributor's tutorial fits the tree; tests/e2e/test_tutorial.py follows it, and runs its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doc_blocks import Block, blocks, change, commands

ROOT = Path(__file__).parents[3]
BLOCKS = blocks(ROOT / "docs/tutorial.md")
DIFFS = [block for block in BLOCKS if block.kind == "diff"]


def test_each_change_of_the_tutorial_can_be_made() -> None:
    assert len(DIFFS) > 5
    wanted = [change(block) for block in DIFFS]
    assert [each for each in wanted if (ROOT / each.path).read_text().count(each.old) != 1] == []
    assert all(each.old != each.new for each in wanted)


def test_its_files_are_new_and_its_commands_are_there() -> None:
    assert [block.value for block in BLOCKS if block.mark == "file" and (ROOT / block.value).exists()] == []
    makefile = (ROOT / "Makefile").read_text()
    shown = [command.text for block in BLOCKS if block.kind == "console" for command in commands(block.text)]
    targets = {line.split()[1] for line in shown if line.startswith("make ")}
    assert targets == {"test", "docs"}
    assert all(f"\n{target}: " in makefile for target in targets)


def test_a_diff_of_another_form_is_found() -> None:
    with pytest.raises(ValueError, match="no diff of one file"):
        change(Block(ROOT, "diff", "--- a/one\n+++ b/other\n+line\n"))
