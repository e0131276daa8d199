"""The fragments in `changes.d/` become CHANGELOG.md: one sentence each, under a name that towncrier knows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FRAGMENTS = sorted((ROOT / "changes.d").glob("*.md"))
KINDS = {
    kind["directory"]
    for kind in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]
}
NAME = re.compile(r"(?:\d+|\+[a-z0-9-]+)\.([a-z]+)(?:\.\d+)?\.md")
LONGEST = 50  # words
NEXT_SENTENCE = re.compile(r"[.!?][)`*]*\s+[^a-z\s]")


def faults(text: str) -> list[str]:
    """The reasons why a text is no sentence for the changelog."""
    words = text.split()
    found = {
        "it is more than one line": len(text.splitlines()) != 1,
        "it has no full stop at its end": not text.rstrip().endswith("."),
        "it is more than one sentence": bool(NEXT_SENTENCE.search(text.rstrip())),
        f"it has more than {LONGEST} words": len(words) > LONGEST,
    }
    return [fault for fault, is_so in found.items() if is_so]


def test_each_fragment_is_one_sentence() -> None:
    assert FRAGMENTS
    assert {path.name: found for path in FRAGMENTS if (found := faults(path.read_text()))} == {}


def test_towncrier_knows_each_name() -> None:
    """The name is ISSUE.KIND.md, ISSUE.KIND.NUMBER.md or +word.KIND.md."""
    kinds = {path.name: found and found[1] for path in FRAGMENTS for found in [NAME.fullmatch(path.name)]}
    assert {name: kind for name, kind in kinds.items() if kind not in KINDS} == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("`init` reads v1.37.2 and a file such as kubelet.conf.\n", 0),
        ("First line.\nSecond line.\n", 2),
        ("`init` is quick. `join` is quicker.\n", 1),
        ("`init` is quick\n", 1),
        ("`init` is " + "very " * LONGEST + "quick.\n", 1),
    ],
)
def test_each_fault_is_found(text: str, number: int) -> None:
    assert len(faults(text)) == number
