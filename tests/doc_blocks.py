"""The code blocks of the pages, and the command lines in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[\w-]+)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
MARK = re.compile(r"<!-- (?P<mark>[\w-]+)(?:: (?P<value>[^>]*?))? -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """A code block: its kind, its text, and the comment `<!-- mark: value -->` right above it."""

    page: Path
    kind: str
    text: str
    mark: str = ""
    value: str = ""


@dataclass(frozen=True)
class Command:
    """A command line after a prompt, joined over its line ends, and what the page shows below it."""

    text: str
    shown: tuple[str, ...]
    as_root: bool


def blocks(page: Path, kind: str = "") -> list[Block]:
    """The blocks of a page, of one kind or of all, without their indentation."""
    source, found = page.read_text(), []
    for match in FENCE.finditer(source):
        indent = len(match["indent"])
        text = "".join(line[indent:] if line.strip() else line for line in match["text"].splitlines(True))
        mark = MARK.search(source[: match.start()])
        named = (mark["mark"], mark["value"] or "") if mark else ("", "")
        if kind in ("", match["kind"]):
            found.append(Block(page, match["kind"], text, *named))
    return found


def commands(text: str) -> list[Command]:
    """The command lines of a console block: after `$ ` by a user, after `# ` by root."""
    found: list[Command] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith(("$ ", "# ")):
            found.append(Command(line[2:].strip(), (), line[0] == "#"))
        elif found:
            found[-1] = Command(found[-1].text, (*found[-1].shown, line), found[-1].as_root)
    return found


@dataclass(frozen=True)
class Change:
    """A diff without line numbers: a text that the file holds once, and the text in its place."""

    path: str
    old: str
    new: str


def change(block: Block) -> Change:
    """The change that a `diff` block shows. Raises ValueError if it is not a diff of one file."""
    first, second, *lines = block.text.splitlines(keepends=True)
    path = second.removeprefix("+++ b/").strip()
    if first.strip() != f"--- a/{path}" or not {line[:1] for line in lines} <= {" ", "-", "+"}:
        raise ValueError(f"{block.page.name}: no diff of one file: {block.text}")
    old = "".join(line[1:] for line in lines if line[0] != "+")
    return Change(path, old, "".join(line[1:] for line in lines if line[0] != "-"))
