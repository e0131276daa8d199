"""The layout of the package: phases are only phases, and each package is in the import contracts."""

from __future__ import annotations

import tomllib
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path

import pytest

from edgeadm.core.phase import Phase

ROOT = Path(__file__).parents[3]
PHASES = ROOT / "edgeadm" / "phases"
# Modules without a package: paths, texts and base classes.
SMALL = {"edgeadm.assets", "edgeadm.clock", "edgeadm.errors", "edgeadm.yaml_text", "edgeadm.__main__"}
MODULES = sorted(path for path in PHASES.rglob("*.py") if path.name != "__init__.py")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PHASES)))
def test_each_module_of_phases_defines_a_phase(path: Path) -> None:
    module = import_module(name_of(path))
    own = [each for _, each in getmembers(module, isclass) if each.__module__ == module.__name__]
    assert any(issubclass(each, Phase) for each in own), "move it to edgeadm/node or edgeadm/apps"


def test_packages_of_phases_contain_nothing() -> None:
    for path in PHASES.rglob("__init__.py"):
        assert len([*path.read_text(encoding="utf-8").split('"""')]) == 3, path
        assert path.read_text(encoding="utf-8").rstrip().endswith('"""'), path


def test_each_package_is_in_the_contracts_of_programs_and_of_the_api() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {each["name"]: each for each in settings["tool"]["importlinter"]["contracts"]}
    every = {f"edgeadm.{each.stem}" for each in (ROOT / "edgeadm").iterdir() if is_module(each)} - SMALL
    assert contracts["layers"]["exhaustive"] is True
    programs = contracts["only hosts start programs and open SSH"]["source_modules"]
    assert set(programs) == every - {"edgeadm.hosts"}
    api = contracts["only cluster talks to the API"]["source_modules"]
    assert set(api) == every - {"edgeadm.cluster"}


def is_module(path: Path) -> bool:
    return (path / "__init__.py").is_file() or (path.suffix == ".py" and path.stem != "__init__")
