"""Searches the texts of the repository for the patterns of `tools/words.toml`: part of `make lint`.

It reads string literals of edgeadm and of its Go programs; names of Go tests; docstrings and comments of
both, of the end-to-end tests and of the tools; comments of the templates; and the documentation. Code spans
and code blocks are skipped. The exit status is 1 if a pattern is found, or if an exception is not needed."""

from __future__ import annotations

import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tools" / "words.toml"
SOURCES = ("edgeadm", "tests/e2e", "tools", "docs/_ext")
PROGRAMS = ("install-pkgs/own",)
TEMPLATES = ("templates",)
PAGES = ("README.md", "CONTRIBUTING.md", "AGENTS.md", "SECURITY.md", "docs", "changes.d")
# Decisions are records of their time; the page about words quotes the patterns.
SKIPPED = ("docs/decisions", "docs/_build", "docs/reference/generated", "docs/concepts/words.md", "docs/_ext")
CODE = re.compile(r"`[^`]*`|\{[^{}]*\}")
GO = re.compile(
    r"(?P<comment>//[^\n]*(?:\n[ \t]*//[^\n]*)*|/\*.*?\*/)|`(?P<raw>[^`]*)`"
    r"|\"(?P<text>(?:\\.|[^\"\\\n])*)\"|'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)
GO_TEST = re.compile(r"^func Test(\w+)\(", re.MULTILINE)
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
TEMPLATE = re.compile(r"\{#-?(.*?)-?#\}|^[ \t]*(#[^\n]*(?:\n[ \t]*#[^\n]*)*)", re.DOTALL | re.MULTILINE)
DESCRIPTION = re.compile(r"^Description=(.*)$", re.MULTILINE)
FENCE = re.compile(r"^\s*```")


@dataclass(frozen=True)
class Text:
    """A text for users (`shown`: a message or documentation) or for developers (a docstring or comment)."""

    line: int
    words: str
    shown: bool


@dataclass(frozen=True)
class Word:
    """A pattern, and the advice for a text that contains it."""

    find: re.Pattern[str]
    instead: str
    texts: bool
    # The starts of paths whose texts may contain it.
    outside: tuple[str, ...] = ()

    def found(self, text: Text) -> str:
        """The part of the text that matches, or an empty string."""
        if self.texts and not text.shown:
            return ""
        match = self.find.search(CODE.sub("`", " ".join(text.words.split())))
        return match.group(0) if match else ""


@dataclass(frozen=True)
class Allowed:
    """An exception: a part of a text in a file, with the reason."""

    file: str
    text: str
    why: str


def load(path: Path = LIST) -> tuple[list[Word], list[Allowed]]:
    """The patterns and the exceptions of a list."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    words = [
        Word(
            re.compile(rf"(?<![\w-])(?:{each['find']})(?![\w-])", re.I),
            each["instead"],
            each.get("texts", False),
            tuple(each.get("outside", ())),
        )
        for each in raw["word"]
    ]
    return words, [Allowed(**each) for each in raw.get("allow", [])]


def of_source(source: str, messages: bool) -> Iterator[Text]:
    """Docstrings and comments of a Python file and, with `messages`, its other string literals."""
    statement, parts, start = True, [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING:
            start = start if parts else token.start[0]
            parts.append(re.sub(r"^\w*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$", "", token.string))
            continue
        if token.type == tokenize.COMMENT:
            yield Text(token.start[0], token.string.lstrip("# "), shown=False)
        if token.type in (tokenize.NL, tokenize.COMMENT):
            continue
        if " " in "".join(parts) and (messages or (statement and token.type == tokenize.NEWLINE)):
            yield Text(start, "".join(parts), shown=not (statement and token.type == tokenize.NEWLINE))
        parts = []
        statement = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def of_go(source: str) -> Iterator[Text]:
    """Comments and string literals of a Go file, and the names of its tests as words. Adjacent comments are
    one text."""
    for found in GO.finditer(source):
        comment, literal = found["comment"], found["raw"] or found["text"] or ""
        if comment:
            yield Text(_line(source, found), re.sub(r"(?m)^\s*//|/\*|\*/", " ", comment), shown=False)
        elif " " in literal:
            yield Text(_line(source, found), literal, shown=True)
    for found in GO_TEST.finditer(source):
        yield Text(_line(source, found), " ".join(CAMEL.findall(found[1])).lower(), shown=True)


def of_template(source: str) -> Iterator[Text]:
    """Comments of a template and of the file that it results in, and descriptions of systemd units. Adjacent
    comments are one text."""
    for found in TEMPLATE.finditer(source):
        words = found[1] or re.sub(r"(?m)^\s*#+", " ", found[2])
        yield Text(_line(source, found), words, shown=False)
    for found in DESCRIPTION.finditer(source):
        yield Text(_line(source, found), found[1], shown=True)


def _line(source: str, found: re.Match[str]) -> int:
    return source.count("\n", 0, found.start()) + 1


def of_page(page: str) -> Iterator[Text]:
    """The paragraphs of a Markdown file, without code blocks."""
    start, lines, fenced = 1, [], False
    for number, line in enumerate([*page.splitlines(), ""], 1):
        fence = FENCE.match(line) is not None
        if fence or fenced or not line.strip() or line.lstrip().startswith(("|", "-", "#", ":")):
            if lines:
                yield Text(start, " ".join(lines), shown=True)
            lines = []
        fenced ^= fence
        if not (fence or fenced) and line.strip():
            start = start if lines else number
            lines.append(line)


def texts(root: Path) -> Iterator[tuple[str, Text]]:
    """All texts of the repository with their files, relative to the root."""
    for path in _files(root, SOURCES, ".py"):
        name = path.relative_to(root).as_posix()
        for text in of_source(path.read_text(encoding="utf-8"), messages=name.startswith("edgeadm/")):
            yield name, text
    for path in _files(root, PROGRAMS, ".go"):
        name = path.relative_to(root).as_posix()
        for text in of_go(path.read_text(encoding="utf-8")):
            yield name, text
    for path in _files(root, TEMPLATES, ".j2"):
        for text in of_template(path.read_text(encoding="utf-8")):
            yield path.relative_to(root).as_posix(), text
    for path in _files(root, PAGES, ".md"):
        for text in of_page(path.read_text(encoding="utf-8")):
            yield path.relative_to(root).as_posix(), text


def _files(root: Path, names: Iterable[str], suffix: str) -> Iterator[Path]:
    skipped = [root / each for each in SKIPPED]
    for name in names:
        found = [root / name] if (root / name).is_file() else sorted((root / name).rglob(f"*{suffix}"))
        for path in found:
            if suffix != ".md" or not any(path.is_relative_to(each) for each in skipped):
                yield path


def faults(found: Iterable[tuple[str, Text]], words: list[Word], allowed: list[Allowed]) -> Iterator[str]:
    """One line for each pattern in a text, and for each exception that is not needed."""
    unused = set(allowed)
    for name, text in found:
        for word in words:
            part = word.found(text)
            if not part or name.startswith(word.outside):
                continue
            reasons = [
                each for each in allowed if each.file == name and each.text in " ".join(text.words.split())
            ]
            unused.difference_update(reasons)
            if not reasons:
                yield f"{name}:{text.line}: “{part}”: write {word.instead}"
    for each in sorted(unused, key=lambda each: (each.file, each.text)):
        yield f"tools/words.toml: the exception “{each.text}” in {each.file} is not needed"


def main() -> int:
    """Print all findings; returns the exit status."""
    found = list(faults(texts(ROOT), *load()))
    print("\n".join(found) or "no pattern of tools/words.toml found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
