"""The files that GitHub, Read the Docs and editors read: they are valid, and name only what is there."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeadm.yaml_text import load

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
PINNED = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
# Rights above reading: by job, each with a comment beside it.
RIGHTS = {"release.yml": {"contents", "id-token", "attestations"}}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OF_THE_RUNNER = {"sudo", "env", "chown", "gh"}


def read(path: Path) -> Any:
    return load(path.read_bytes())


def steps(workflow: Any) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def programs(command: str) -> list[str]:
    """The programs that a command line starts, behind `sudo` and `env NAME=VALUE`; `make` with its target."""
    words = [word for word in shlex.split(command) if "=" not in word]
    started = []
    while words[0] in ("sudo", "env"):
        started.append(words.pop(0))
    return [*started, " ".join(words[:2]) if words[0] == "make" else words[0]]


def is_there(program: str) -> bool:
    if program.startswith("make "):
        return program.removeprefix("make ") in TARGETS
    path = ROOT / program
    return program in OF_THE_RUNNER or (path.is_file() and bool(path.stat().st_mode & 0o111))


def test_each_workflow_is_there() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "e2e-all.yml", "release.yml"]
    assert any(step.get("run", "").endswith(".ci/run") for step in steps(read(WORKFLOWS[0])))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_only_the_rights_that_it_needs(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    more = {name for job in workflow["jobs"].values() for name in job.get("permissions", {})}
    assert more == RIGHTS.get(path.name, set())
    for name in more:
        assert re.search(rf"{name}: write", path.read_text())
    assert "pull_request_target" not in path.read_text()
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_action_is_pinned_by_its_commit(path: Path) -> None:
    used = re.findall(r"uses: .*", path.read_text())
    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []
    for step in steps(read(path)):
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_command_of_a_workflow_is_there(path: Path) -> None:
    commands = [step["run"] for step in steps(read(path)) if "run" in step]
    assert commands
    for command in commands:
        # An expression of GitHub's in a script is text that a stranger may choose.
        assert "${{" not in command
        assert [each for each in programs(command) if not is_there(each)] == []


def test_a_command_that_is_not_there_is_found() -> None:
    assert [is_there(each) for each in programs("sudo env A=b make no-such")] == [True, True, False]
    assert not is_there(".ci/walk")


@pytest.mark.parametrize("path", [path for path in FORMS if path.name != "config.yml"], ids=lambda p: p.name)
def test_an_issue_form_is_one(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["type"] in ("textarea", "input", "dropdown", "checkboxes") for field in fields)
    assert all(field["attributes"]["label"] for field in fields)
    ids = [field["id"] for field in fields]
    assert len(set(ids)) == len(ids)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_owners_are_of_paths_that_are_there() -> None:
    for line in (ROOT / ".github/CODEOWNERS").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, *owners = line.split()
            assert owners
            assert all(owner.startswith("@") for owner in owners)
            assert pattern == "*" or list(ROOT.glob(pattern.strip("/"))), pattern


def test_dependabot_watches_what_is_there() -> None:
    config = read(ROOT / ".github/dependabot.yml")
    assert config["version"] == 2
    assert {each["package-ecosystem"] for each in config["updates"]} == {"github-actions", "pip"}
    assert list(ROOT.glob("requirements-*.txt"))


def test_hooks_are_programs_of_the_set_up() -> None:
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    locked = (ROOT / "requirements-dev.txt").read_text()
    of_distribution = {"ruff": "ruff", "lint-imports": "import-linter", "pytest": "pytest"}
    for hook in repository["hooks"]:
        program, *words = hook["entry"].split()
        assert f"\n{of_distribution[Path(program).name]}==" in locked
        assert all((ROOT / word).exists() for word in words if word.endswith(".py"))


def test_read_the_docs_builds_as_make_docs_does() -> None:
    config = read(ROOT / ".readthedocs.yaml")
    assert "readthedocs.io" in PROJECT["project"]["urls"]["Documentation"]
    assert (config["version"], config["sphinx"]["fail_on_warning"]) == (2, True)
    assert (ROOT / config["sphinx"]["configuration"]).is_file()
    files = re.findall(r"-r (\S+)", " ".join(config["build"]["jobs"]["install"]))
    assert [(ROOT / file).is_file() for file in files] == [True]


def test_addresses_of_the_project_are_of_one_repository() -> None:
    urls = PROJECT["project"]["urls"]
    assert {"Documentation", "Source", "Issues", "Changelog"} <= urls.keys()
    assert all(urls[name].startswith(urls["Source"]) for name in ("Issues", "Changelog"))
    for path in [*FORMS, ROOT / "docs/releases.md"]:
        for address in re.findall(r"https://github\.com/(?!cli/)[\w./-]+", path.read_text()):
            assert address.startswith(urls["Source"]), path


def test_editors_indent_as_the_sources_are() -> None:
    text = (ROOT / ".editorconfig").read_text()
    assert text.startswith("root = true")
    assert f"max_line_length = {PROJECT['tool']['ruff']['line-length']}" in text
