"""Start-up stays quick: what costs time is imported by the verb that needs it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edgeadm
from edgeadm.package.freeze import LEFT_OUT, imports_of

HEAVY = {"cryptography", "jinja2", "kubernetes", "paramiko", "requests", "rich", "yaml", "zstandard"}
HOME = Path(edgeadm.__file__).parent


def loaded_by(statement: str) -> set[str]:
    lines = ["import sys", "try:", f"    {statement}", "finally:", "    print(*sys.modules, file=sys.stderr)"]
    script = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.runs_programs
@pytest.mark.parametrize(
    "statement",
    [
        "import edgeadm.cli",
        "from edgeadm.cli import main; main(['version'])",
        "from edgeadm.cli import main; main(['version', '-o', 'json'])",
        "from edgeadm.cli import main; main(['--help'])",
    ],
)
def test_the_command_line_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()


def test_nothing_that_we_import_is_left_out_of_the_executable() -> None:
    imports = imports_of(path.read_bytes() for path in HOME.rglob("*.py"))
    modules = set()
    for node in ast.parse(imports).body:
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    left_out = [m for m in sorted(modules) if any(f"{m}.".startswith(f"{gone}.") for gone in LEFT_OUT)]
    assert left_out == []
