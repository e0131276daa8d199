"""A release in a scratch clone: tag, build, sign, and verify as a user does; its sdist builds its docs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import edgeadm
from edgeadm.package.builder import known_recipes
from tests.doc_blocks import blocks, commands

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
NEXT = "99.0.0"


def run(
    folder: Path, *words: str, check: bool = True, stdin: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command; an interpreter of ours finds the modules of the folder first."""
    done = subprocess.run(words, cwd=folder, capture_output=True, input=stdin, check=False)
    ended = subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert not (check and ended.returncode), f"{words}: {ended.stdout}{ended.stderr}"
    return ended


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, on the branch main, with the set-up of this tree."""
    folder = tmp_path_factory.mktemp("clone") / "edgeadm"
    run(ROOT, "git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder))
    run(folder, "git", "checkout", "--quiet", "-B", "main")
    for name, value in (("user.name", "A maintainer"), ("user.email", "maintainer@example.org")):
        run(folder, "git", "config", name, value)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / ".git/info/exclude").write_text("/.venv\n")
    return folder


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("key")
    run(folder, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key")
    return folder / "key"


@pytest.fixture(scope="module")
def tagged(clone: Path) -> Path:
    run(clone, "tools/release.sh", "tag", NEXT)
    return clone


@pytest.fixture(scope="module")
def built(tagged: Path) -> Path:
    run(tagged, "tools/release.sh", "build")
    return tagged


def refused(folder: Path, *words: str) -> str:
    ended = run(folder, "tools/release.sh", *words, check=False)
    assert ended.returncode == 1
    return ended.stderr


def test_a_dry_run_shows_the_notes_and_changes_nothing(clone: Path) -> None:
    before = run(clone, "git", "rev-parse", "HEAD").stdout
    said = run(clone, "tools/release.sh", "--dry-run", "tag", NEXT).stdout
    assert f"## {NEXT} (" in said
    assert "would run: git tag --annotate" in said
    assert run(clone, "git", "rev-parse", "HEAD").stdout == before
    assert run(clone, "git", "status", "--porcelain").stdout == ""
    assert run(clone, "git", "tag", "--list", f"v{NEXT}").stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tag", "next"], "is no version"),
        (["tag", "0.0.1"], "is older than"),
        (["build"], f"HEAD is not v{edgeadm.__version__}"),
        (["sign", "key"], "there is no dist/SHA256SUMS"),
        (["publish"], "tools/release.sh [--dry-run] tag VERSION"),
    ],
)
def test_a_step_out_of_turn_is_refused(words: list[str], said: str, clone: Path) -> None:
    assert said in refused(clone, *words)


def test_a_tree_with_changes_is_refused(clone: Path) -> None:
    (clone / "new").touch()
    try:
        assert "changes that are not committed" in refused(clone, "--dry-run", "tag", NEXT)
    finally:
        (clone / "new").unlink()


def test_a_tag_has_notes_and_version(tagged: Path) -> None:
    assert run(tagged, "git", "tag", "--points-at", "HEAD").stdout == f"v{NEXT}\n"
    assert f'__version__ = "{NEXT}"' in (tagged / "edgeadm/__init__.py").read_text()
    changelog = (tagged / "CHANGELOG.md").read_text()
    assert "<!-- towncrier release notes start -->" in changelog
    assert f"\n## {NEXT} (" in changelog
    assert list((tagged / "changes.d").glob("*.md")) == []
    assert run(tagged, "git", "status", "--porcelain").stdout == ""
    assert f"a tag v{NEXT} already" in refused(tagged, "tag", NEXT)


def test_the_files_of_a_release(built: Path) -> None:
    names = {path.name for path in (built / "dist").iterdir()}
    name = f"edgeadm-{NEXT}"
    assert {f"{name}-py3-none-any.whl", f"{name}.tar.gz", f"{name}.cdx.json", "SHA256SUMS"} <= names
    assert {f"{name}-package-{each}.cdx.json" for each in known_recipes()} <= names
    assert len([each for each in names if each.startswith(f"{name}-linux-")]) == 1
    sums = (built / "dist/SHA256SUMS").read_text()
    assert {line.split("  ")[1] for line in sums.splitlines()} == names - {"SHA256SUMS"}
    notes = (built / "build/NOTES.md").read_text()
    assert notes.startswith(f"## {NEXT} (")
    assert notes.count("\n## ") == 0


def test_an_sbom_names_what_is_in_it(built: Path) -> None:
    program = json.loads((built / f"dist/edgeadm-{NEXT}.cdx.json").read_text())
    assert (program["bomFormat"], program["specVersion"]) == ("CycloneDX", "1.6")
    assert program["metadata"]["component"]["purl"] == f"pkg:pypi/edgeadm@{NEXT}"
    urls = {each["purl"].partition("@")[0] for each in program["components"]}
    assert {"pkg:pypi/click", "pkg:pypi/pyyaml", "pkg:pypi/cffi", "pkg:generic/cpython"} <= urls
    assert not {"pkg:pypi/pytest", "pkg:pypi/pyinstaller"} & urls
    for kubernetes in known_recipes():
        found = json.loads((built / f"dist/edgeadm-{NEXT}-package-{kubernetes}.cdx.json").read_text())
        urls = {each["purl"] for each in found["components"]}
        assert f"pkg:golang/k8s.io/kubernetes@{kubernetes}" in urls
        assert "pkg:deb/debian/keepalived" in urls


def test_a_user_verifies_it_by_the_commands_of_the_page(built: Path, key: Path, tmp_path: Path) -> None:
    run(built, "tools/release.sh", "sign", str(key))
    download = tmp_path / "download"
    shutil.copytree(built / "dist", download)
    (download / "allowed_signers").write_text("maintainer " + key.with_suffix(".pub").read_text())
    verify = next(
        block for block in blocks(ROOT / "docs/releases.md", "console") if "-Y verify" in block.text
    )
    for command in commands(verify.text):
        run(download, "sh", "-c", command.text)
    with (download / "SHA256SUMS").open("a") as sums:
        sums.write("0" * 64 + "  edgeadm\n")
    signature = commands(verify.text)[0]
    assert run(download, "sh", "-c", signature.text, check=False).returncode != 0


def test_files_that_are_not_those_of_the_checksums_are_not_signed(built: Path, key: Path) -> None:
    wheel = next((built / "dist").glob("*.whl"))
    right = wheel.read_bytes()
    wheel.write_bytes(right + b"more")
    try:
        assert "not what its checksum says" in refused(built, "sign", str(key))
    finally:
        wheel.write_bytes(right)


def test_the_sdist_builds_its_own_docs(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / f"dist/edgeadm-{NEXT}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    tree = tmp_path / f"edgeadm-{NEXT}"
    committed = run(built, "git", "ls-files", "-z").stdout.split("\0")
    assert [name for name in committed if name and not (tree / name).is_file()] == []
    build = (ROOT / "Makefile").read_text().partition("\ndocs: ")[2].splitlines()[1].split()[1:]
    assert build[0].startswith("-W")
    run(tree, sys.executable, "-m", "sphinx", *build)
    page = (tree / "docs/_build/html/contributing.html").read_text()
    assert re.search(r"<h1>Contributing", page)
    assert NEXT in (tree / "docs/_build/html/index.html").read_text()
