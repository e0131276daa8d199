"""Python and edgeadm's libraries as a tree that runs on hosts without Python.

The tree does not contain edgeadm itself, which is added as ordinary modules (`executable.py`), so that a
change of edgeadm costs a second instead of a minute of freezing.
"""

from __future__ import annotations

import ast
import importlib.util
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from ctypes.util import find_library
from pathlib import Path

from edgeadm.errors import EdgeadmError, MissingToolError
from edgeadm.hosts.debian import ensure_packages
from edgeadm.hosts.process import execute

Say = Callable[[str], None]

NAME = "edgeadm"
# The ELF program. It cannot be named `edgeadm`, because that is the directory of our modules.
PROGRAM = "run"
# Metadata of an installer, including hashes of scripts, which depend on the directory.
NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
# Makes the program import everything that edgeadm may import, and exit.
CHECK = "--check-imports"

# The program's first module. PyInstaller collects the imports of `needed`.
ENTRY = """
import sys


def needed():
{needed}


if sys.argv[1:] == ["{check}"]:
    needed()
else:
    from edgeadm.cli import main

    main()
"""

# Modules that the libraries import optionally and edgeadm never uses; several are large or slow to import.
LEFT_OUT = (
    "IPython",
    "PIL",
    "_pytest",
    "aiohttp",
    "attr",
    "coverage",
    "curses",
    "docutils",
    "ensurepip",
    "hypothesis",
    "invoke",
    "kubernetes.aio",
    "lib2to3",
    "mypy",
    "numpy",
    "pip",
    "pkg_resources",
    "pydantic.mypy",
    "pygments",
    "pytest",
    "readline",
    "setuptools",
    "sphinx",
    "sqlite3",
    "tkinter",
    "trio",
    "turtle",
    "unittest",
    "uvloop",
)


class ExecutableError(EdgeadmError):
    """The self-contained executable could not be built."""

    code = "executable"


def freeze(imports: str, work: Path, say: Say) -> Path:
    """A directory with the program `run`, which can import all of `imports`; created inside `work`.

    Installs the programs that PyInstaller calls, if possible. Raises MissingToolError if one is missing,
    ExecutableError if PyInstaller fails or omits a module.
    """
    if importlib.util.find_spec("PyInstaller") is None:
        raise MissingToolError(
            "PyInstaller is not installed, which edgeadm's own executable requires",
            hint="run `pip install 'edgeadm[build]'` in the environment that edgeadm is installed in",
        )
    if missing := _missing():
        ensure_packages(missing, say)
    entry = work / f"{PROGRAM}.py"
    entry.write_text(_entry(imports), encoding="utf-8")
    # The hash seed determines the order of sets in byte code: fixed, for reproducible builds.
    fixed = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0", "PYINSTALLER_CONFIG_DIR": str(work / "config")}
    done = execute(_command(entry, work), env=fixed, cwd=work)
    tree = work / "dist" / PROGRAM
    if done.code or not (tree / PROGRAM).is_file():
        raise ExecutableError("PyInstaller failed", context="\n".join(done.err.splitlines()[-20:]))
    checked = execute([str(tree / PROGRAM), CHECK], cwd=work)
    if checked.code:
        raise ExecutableError("the executable lacks a module", context=checked.err[-2000:])
    leave_out_notes(tree)
    return tree


def leave_out_notes(tree: Path) -> None:
    """Remove an installer's own metadata from the libraries' distributions; other metadata is kept."""
    for note in tree.rglob("*.dist-info/*"):
        if note.name in NOTES:
            note.unlink()


def imports_of(sources: Iterable[bytes]) -> str:
    """All imports of modules outside edgeadm, one statement per line, sorted.

    PyInstaller finds imports only in the code that it freezes, which does not include edgeadm.
    """
    found: set[str] = set()
    for source in sources:
        found.update(_outside(ast.parse(source)))
    return "\n".join(sorted(found))


def _missing() -> list[str]:
    """Debian packages that PyInstaller requires: binutils, and Python as a library."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(str(sysconfig.get_config_var("LIBDIR")))
    shared = any(folder.glob(f"lib{python}*.so*")) or find_library(python) is not None
    tools = all(shutil.which(name) for name in ("objdump", "strip"))
    return [*([] if tools else ["binutils"]), *([] if shared else [f"lib{python}"])]


def _outside(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (f"import {name}" for name in names if name.split(".")[0] != NAME)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            top = node.module.split(".")[0]
            if top not in (NAME, "__future__"):
                yield from (f"from {node.module} import {alias.name}" for alias in node.names)


def _entry(imports: str) -> str:
    needed = "\n".join(f"    {line}" for line in imports.splitlines())
    return ENTRY.format(needed=needed, check=CHECK)


def _command(entry: Path, work: Path) -> list[str]:
    options = ["--onedir", "--noconfirm", "--noupx", "--log-level=WARN", "--contents-directory=.", "--strip"]
    options += [f"--{part}path={work / part}" for part in ("dist", "work", "spec")]
    options += [f"--exclude-module={module}" for module in (NAME, *LEFT_OUT)]
    return [sys.executable, "-m", "PyInstaller", *options, str(entry)]
