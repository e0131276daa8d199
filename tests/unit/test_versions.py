"""Only `kubeadm/compat.py` compares versions: nothing else takes one apart or holds it against another."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import edgeadm

ROOT = Path(edgeadm.__file__).parent
COMPAT = ROOT / "kubeadm" / "compat.py"
VERSION = re.compile(r"v?\d+\.\d+(\.\d+)?")
# They take apart: symbol versions of the C library, the names of recipes (to sort them), IP addresses.
OTHERS = ("package/elf.py", "package/builder/recipe.py", "sandbox/names.py", "sandbox/state.py")
FILES = sorted(set(ROOT.rglob("*.py")) - {COMPAT} - {ROOT / each for each in OTHERS})


def comparisons(source: str) -> list[str]:
    """Lines that compare versions or take one apart into numbers."""
    found = [node for node in ast.walk(ast.parse(source)) if _is_fault(node)]
    return [f"{node.lineno}: {ast.unparse(node)}" for node in found if isinstance(node, ast.expr)]


def _is_fault(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        ordered = any(isinstance(each, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for each in node.ops)
        return ordered and any(_is_version(each) for each in [node.left, *node.comparators])
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return _takes_numbers(node)
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "compat.minor"


def _is_version(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        values = [each.value for each in node.elts if isinstance(each, ast.Constant)]
        return len(values) in (2, 3) and all(isinstance(each, int) for each in values)
    return isinstance(node, ast.Constant) and bool(VERSION.fullmatch(str(node.value)))


def _takes_numbers(node: ast.GeneratorExp | ast.ListComp) -> bool:
    source = ast.unparse(node.generators[0].iter)
    return ast.unparse(node.elt).startswith("int(") and (".split('.'" in source or ".groups()" in source)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_compares_versions(path: Path) -> None:
    assert comparisons(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "if version < (1, 6): pass",
        "tuple(int(part) for part in text.split('.')[:2])",
        "x = version >= 'v1.31'",
        "compat.minor(theirs)[1] - compat.minor(ours)[1]",
    ],
)
def test_a_comparison_is_found(source: str) -> None:
    assert comparisons(source)
