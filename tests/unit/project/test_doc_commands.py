"""Every `edgeadm …` that the pages show is a command line that edgeadm reads; blocks marked to run can be."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from edgeadm.cli import root
from edgeadm.errors import EdgeadmError
from edgeadm.package.builder import default_kubernetes
from tests.doc_blocks import blocks, commands

ROOT = Path(__file__).parents[3]
PAGES = [
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if not {"_build", "generated"} & set(path.parts)),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "AGENTS.md", "SECURITY.md", "tools/demo.sh")),
]
INLINE = re.compile(r"`(edgeadm [^`]+)`")
PROGRAM = re.compile(r"(?:^|[|;&] *|-- *)(?:sudo +)?(?:\S*/)?(edgeadm(?: .*)?)$")
# Words of the pages that stand for others; without an entry a word is taken as it is.
STAND_FOR = {
    "N": "10",
    "NAME,NAME": "preflight,node",
    "bash|zsh|fish": "bash",
    "FILE": "/etc/edgeadm.yaml",
    "DIR": "/etc/edgeadm",
}
PHASE = {"init": "preflight", "join": "preflight", "reset": "files"}
# Verbs that a later version has: pages name them to say what is not there yet.
LATER = {"edgeadm upgrade"}
# What is left out, and what click would print instead of reading the rest.
SILENT = {"…", "--help"}
VALUE_LEFT_OUT = re.compile(r"(--[\w-]+) …")
PLACES = {"host", "cp1", "edge1"}


def parsed(line: str) -> Any:
    """Have click read a command line as edgeadm does, without running it. The command that it is for."""
    line = VALUE_LEFT_OUT.sub(r"\1 value", line)
    words = [STAND_FOR.get(word, word) for word in shlex.split(line, comments=True)[1:] if word not in SILENT]
    words = [PHASE[words[0]] if word == "NAME" else word for word in words]
    ctx = root.make_context("edgeadm", words)
    while isinstance(ctx.command, click.Group) and (rest := [*ctx._protected_args, *ctx.args]):
        name, command, rest = ctx.command.resolve_command(ctx, rest)
        assert command is not None
        ctx = command.make_context(name, rest, parent=ctx)
    return ctx.command


def fault(line: str, *, whole: bool) -> str:
    """The reason why edgeadm does not read the line; a name in the text may leave out what it needs."""
    try:
        parsed(line.replace("{{ kubernetes }}", default_kubernetes()))
    except click.exceptions.NoArgsIsHelpError:
        return ""
    except (click.MissingParameter, click.BadOptionUsage) as error:
        return error.format_message() if whole else ""
    except (click.UsageError, EdgeadmError) as error:
        return str(error)
    return ""


def shown(page: Path) -> list[str]:
    """The command lines in the console blocks of a page."""
    found = [command.text for block in blocks(page, "console") for command in commands(block.text)]
    return [match[1] for line in found if (match := PROGRAM.search(line.partition("  #")[0].strip()))]


def test_every_command_line_of_a_block_is_read() -> None:
    lines = {(page.name, line) for page in PAGES for line in shown(page)}
    assert len(lines) > 20
    assert {each: why for each in lines if (why := fault(each[1], whole=True))} == {}


def test_every_command_that_the_text_names_is_there() -> None:
    lines = {(page.name, line) for page in PAGES for line in INLINE.findall(page.read_text())}
    assert len(lines) > 50
    wanted = {each for each in lines if each[1] not in LATER}
    assert {each: why for each in wanted if (why := fault(each[1], whole=False))} == {}


@pytest.mark.parametrize(
    "line",
    ["edgeadm inti", "edgeadm init --no-such", "edgeadm sandbox upp", "edgeadm package list -o xml FILE"],
)
def test_a_command_line_that_edgeadm_does_not_read_is_found(line: str) -> None:
    assert fault(line, whole=False)


def test_the_first_command_of_the_guide_needs_no_option_for_the_cluster() -> None:
    """`sandbox exec` names the kubeconfig of a control plane."""
    (command, *_) = [
        command
        for block in blocks(ROOT / "docs/guides/getting-started.md", "console")
        for command in commands(block.text)
        if " kubectl " in command.text
    ]
    assert "sandbox exec cp1" in command.text
    assert "--kubeconfig" not in command.text


def test_a_whole_command_line_has_all_that_it_needs() -> None:
    assert fault("edgeadm sandbox exec cp1", whole=True)
    assert not fault("edgeadm sandbox exec cp1", whole=False)


def test_blocks_that_are_to_run_name_a_place() -> None:
    """tests/e2e/test_docs.py runs them."""
    marked = [block for page in PAGES for block in blocks(page) if block.mark == "run"]
    assert marked
    for block in marked:
        assert (block.kind, block.value in PLACES) == ("console", True), block
        for command in commands(block.text):
            assert "…" not in command.text
            assert command.as_root == (block.value != "host"), command
