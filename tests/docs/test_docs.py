"""The documentation against the code: errors, phases, verbs and settings are there, and no page is lost."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from edgeadm.cli import VERBS
from edgeadm.package.builder import default_kubernetes, known_recipes, load_recipe
from edgeadm.package.builder.recipe import ModuleSet

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = re.compile("<!-- written by tools/outdated.py -->.*?<!-- end -->", re.DOTALL)
RESULTS = re.compile("<!-- written by tools/version_table.py -->.*?<!-- end of versions -->", re.DOTALL)
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"_build", "generated"} & set(path.parts))


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        return import_module("generated")
    finally:
        sys.path.remove(str(DOCS / "_ext"))


def test_every_error_has_a_code_of_its_own_and_says_what_it_means(generated: ModuleType) -> None:
    errors = generated.our_errors()
    codes = [each.code for each in errors]
    assert sorted(codes) == sorted(set(codes))
    for each in errors:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.code), each
        assert "__doc__" in vars(each), f"{each.__name__} has no docstring of its own"
        assert each.__doc__, each


def test_every_exit_status_is_explained(generated: ModuleType) -> None:
    text = (DOCS / "reference" / "errors.md").read_text()
    for status in {each.exit_code for each in generated.our_errors()}:
        assert re.search(rf"\b{status} ", text), f"docs/reference/errors.md says nothing of status {status}"


def test_the_tables_hold_everything(generated: ModuleType, tmp_path: Path) -> None:
    generated.write(tmp_path)
    errors = (tmp_path / "errors.md").read_text()
    assert all(f"`{each.code}`" in errors for each in generated.our_errors())
    phases = (tmp_path / "phases.md").read_text()
    for workflow in generated.workflows():
        assert f"## {workflow.name}" in phases
        assert all(f"`{step.path}`" in phases for step in workflow.steps())
    autonomy = (tmp_path / "autonomy.md").read_text()
    assert all(f"| `{each.code}` | {each.group} | {each.statement} |" in autonomy for each in AUTONOMY_CHECKS)
    checks = (tmp_path / "checks.md").read_text()
    for verb, every in generated.preflight_checks().items():
        for each in every:
            row = f"| `{each.code}` | {each.group} | {each.statement} | "
            (line,) = (line for line in checks.splitlines() if line.startswith(row))
            assert f"`{verb}`" in line.removeprefix(row)
    cli = (tmp_path / "cli.md").read_text()
    assert all(f"## edgeadm {verb}\n" in cli for verb in VERBS)


def test_every_generated_part_is_on_a_page(generated: ModuleType) -> None:
    text = "".join(page.read_text() for page in PAGES)
    for name in generated.PAGES:
        assert f"{{include}} generated/{name}.md" in text


def test_every_phase_and_workflow_says_what_it_does(generated: ModuleType) -> None:
    for workflow in generated.workflows():
        assert workflow.summary
        for step in workflow.steps():
            assert step.phase.summary, step.path
            # A dataclass without a docstring gets its signature as one.
            assert not str(type(step.phase).__doc__).startswith(type(step.phase).__name__ + "("), step.path


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_pages(verb: str) -> None:
    assert any(f"edgeadm {verb}" in page.read_text() for page in [*PAGES, ROOT / "README.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_no_page_is_lost(page: Path) -> None:
    """Every page is reached from a table of contents in the folder above it or in the index."""
    if page == DOCS / "index.md":
        return
    entries = {entry for index in DOCS.rglob("index.md") for entry in _listed(index)}
    assert page in entries, f"{page} is in no toctree"


def _listed(index: Path) -> set[Path]:
    found: set[Path] = set()
    for block in re.findall(r"```\{toctree\}\n(.*?)```", index.read_text(), re.DOTALL):
        for line in block.splitlines():
            if line.strip() and not line.startswith(":"):
                found.update(index.parent.glob(f"{line.strip()}.md"))
    return found


def test_every_version_named_is_one_that_packages_are_built_for() -> None:
    """Pages take it from the recipes; decisions and measurements keep the versions that were run."""
    version = re.compile(r"(?<![\d.])v?1\.\d\d\.\d+(?!\d|\.\d)")
    for page in PAGES:
        text = re.sub(WRITTEN, "", re.sub(RESULTS, "", page.read_text())).partition("\n## Measured\n")[0]
        if "decisions" not in page.parts:
            assert [each for each in version.findall(text) if each.lstrip("v") >= "1.30"] == [], page
    readme = set(version.findall((ROOT / "README.md").read_text()))
    assert readme == set(known_recipes())
    assert f"edgeadm-{default_kubernetes()}-amd64.tar.zst" in (ROOT / "README.md").read_text()


def test_the_results_are_those_of_supported_versions() -> None:
    """`tools/version_table.py --write-docs` runs a version and replaces its row."""
    (written,) = re.findall(RESULTS, (DOCS / "reference" / "versions.md").read_text())
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in written.splitlines()[3:-1]]
    assert default_kubernetes() in {row[0] for row in rows} <= set(known_recipes())
    assert [row for row in rows if not all(cell.endswith(" s") for cell in row[1:-1])] == []


def test_the_table_of_pins_is_of_these_recipes() -> None:
    """`tools/outdated.py --write-docs` writes it anew."""
    (written,) = re.findall(WRITTEN, (DOCS / "reference" / "versions.md").read_text())
    rows = {tuple(cell.strip() for cell in line.split("|")[1:4:2]) for line in written.splitlines()[4:]}
    pins = {(each.title, each.version) for name in known_recipes() for each in modules_of(name)}
    assert pins <= rows
    assert len(rows) > len(pins)


def modules_of(recipe: str) -> list[ModuleSet]:
    """The sets of the recipe that come from others' modules."""
    return [each for each in load_recipe(recipe).sets.values() if each.module]


def test_the_examples_have_the_images_of_the_default_version() -> None:
    images = {each.name for each in load_recipe(default_kubernetes()).images}
    for path in (DOCS / "examples").glob("*.yaml"):
        assert set(re.findall(r"image: (registry\S+)", path.read_text())) <= images, path


def test_nothing_committed_names_a_path_of_one_machine() -> None:
    private = re.compile(r"(?<![\w.])/(?:root|home)/\w|/" + r"work/")
    texts = [
        ROOT / name for name in ("README.md", "CONTRIBUTING.md", "AGENTS.md", "Makefile", "pyproject.toml")
    ]
    for path in [*texts, *PAGES, *sorted((ROOT / "tools").iterdir())]:
        if path.is_file():
            assert not private.search(path.read_text()), path
