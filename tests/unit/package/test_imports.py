"""No module below edgeadm/package needs, however late, a module that needs it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import edgeadm

HOME = Path(edgeadm.__file__).parent


def imports() -> Mapping[str, set[str]]:
    """Module → the modules of edgeadm/package that it imports, in functions as well."""
    paths = {
        ".".join(("edgeadm", *path.relative_to(HOME).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in HOME.glob("package/**/*.py")
    }
    found: dict[str, set[str]] = {}
    for name, path in paths.items():
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                wanted |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                wanted |= {str(node.module), *(f"{node.module}.{each.name}" for each in node.names)}
        found[name] = wanted & paths.keys()
    return found


def test_the_package_modules_import_each_other_in_one_direction() -> None:
    order = list(TopologicalSorter(imports()).static_order())  # CycleError names a circle
    assert len(order) > 30
