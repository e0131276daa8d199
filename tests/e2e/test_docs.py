"""The console blocks of the pages that are marked `<!-- run: PLACE -->`, run in one cluster.

`host` is the machine with the sandbox, which the pages call `demo`; other places are its nodes."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from edgeadm.hosts.process import execute
from edgeadm.sandbox import Sandbox, Store
from tests.doc_blocks import Block, Command, blocks, commands
from tests.e2e.cluster import package_in
from tests.e2e.release import KUBERNETES

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# A block that takes the sandbox down comes after all others.
BLOCKS = sorted(
    (
        block
        for page in sorted(DOCS.rglob("*.md"))
        for block in blocks(page, "console")
        if block.mark == "run"
    ),
    key=lambda block: "sandbox down" in block.text,
)
HEADING = re.compile(r"[A-Z]+(?: +[A-Z]+)*")
Run = Callable[[str, Command], Result]


@pytest.fixture(scope="module")
def sandbox(begin: Callable[..., Sandbox]) -> Sandbox:
    """A cluster with edge nodes; cp1 has the files of the pages in root's directory."""
    sandbox = begin()
    cp1 = sandbox.node("cp1")
    cp1.exec(["ln", "-s", package_in(cp1), f"/root/edgeadm-{KUBERNETES}-amd64.tar.zst"])
    for path in (DOCS / "examples").iterdir():
        cp1.send(path, "/root/")
    return sandbox


@pytest.fixture(scope="module")
def run(sandbox: Sandbox, store: Store) -> Run:
    """Runs a command of a page at its place, by `edgeadm sandbox exec` if the place is a node."""
    ours = [sys.executable, "-m", "edgeadm"]
    env = {"EDGEADM_SANDBOX_DIR": str(store.base), "PATH": os.environ["PATH"]}

    def run(place: str, command: Command) -> Result:
        text = command.text.replace("{{ kubernetes }}", KUBERNETES)
        if place != "host":
            inside = ["sandbox", "exec", place, "--name", sandbox.name, "--", "sh", "-c", text]
            return execute([*ours, *inside], env=env)
        words = [sandbox.name if word == "demo" else word for word in shlex.split(text)]
        assert words[:2] == ["sudo", ".venv/bin/edgeadm"], text
        return execute([*ours, *words[2:]], env=env)

    return run


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page.stem}-{block.text.split()[-1]}")
def test_a_block_of_the_pages_works(block: Block, run: Run) -> None:
    for command in commands(block.text):
        done = run(block.value, command)
        assert done.code == 0, f"{command.text}: {done.out}{done.err}"
        heading = next((line for line in command.shown if HEADING.fullmatch(line.strip())), "")
        assert heading.split() == ([] if not heading else done.out.splitlines()[0].split())
