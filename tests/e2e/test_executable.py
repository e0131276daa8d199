"""The self-contained executable in an empty environment: no Python, not even a C library."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from edgeadm.assets import cache_root
from edgeadm.cli import VERBS
from edgeadm.package.executable import INSIDE, executable_tree, facts
from edgeadm.package.launcher import SCRIPT

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tree() -> Path:
    return executable_tree(cache_root(), print)


def run(argv: list[str], **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]


def files(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def test_two_builds_are_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    one, two = files(tree), files(executable_tree(tmp_path, print))
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_a_second_call_builds_nothing(tree: Path) -> None:
    said: list[str] = []
    assert executable_tree(cache_root(), said.append) == tree
    assert said == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_it(tree: Path, verb: str) -> None:
    done = run([str(tree / "edgeadm"), verb, "--help"])
    assert done.returncode == 0, done.stderr
    assert f"Usage: edgeadm {verb}" in done.stdout


def test_it_runs_in_an_empty_root(tree: Path, tmp_path: Path) -> None:
    """The environment contains only the tree: no shell, no C library, no /etc. With a shell, the script does
    this."""
    shutil.copytree(tree, tmp_path / "edgeadm", symlinks=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "tmp").mkdir()
    command = next(line for line in (tree / "edgeadm").read_text().splitlines() if line.startswith("exec "))
    words = [word.strip('"').replace("$here", f"/edgeadm/{INSIDE}") for word in command.split()[1:-1]]
    assert words[0].startswith(f"/edgeadm/{INSIDE}/ld")
    assert SCRIPT.rstrip().endswith('"$@"')
    # /proc is mounted in a mount namespace of its own: it goes when the command ends.
    caged = ["unshare", "--mount", "sh", "-c", 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"']
    done = run([*caged, str(tmp_path), *words, "version", "-o", "json"])
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["kind"] == "executable"
    assert shown["glibc"] == facts(tree)["glibc"]


def test_it_starts_through_a_link_from_anywhere(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "edgeadm").symlink_to(tree / "edgeadm")
    done = run(["edgeadm", "version"], cwd="/", env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.returncode, done.stdout) == (0, run([str(tree / "edgeadm"), "version"]).stdout)
