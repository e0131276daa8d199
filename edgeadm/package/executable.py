"""edgeadm as a self-contained tree that runs on hosts without Python, and that every package contains."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import edgeadm
from edgeadm.assets import install_pkgs, templates
from edgeadm.hosts.process import execute
from edgeadm.package.elf import glibc_needed
from edgeadm.package.freeze import NAME, ExecutableError, Say, freeze, imports_of
from edgeadm.package.launcher import bring_libc, libc_version, write_launcher

# The directory of everything except the launcher.
INSIDE = "_internal"
# The description of the tree; shown by `edgeadm version -o json`.
FACTS = "_built.json"
ARCHIVES = (".tar.gz", ".tar.zst", ".tar.zst.part")


def executable_tree(cache: Path, say: Say) -> Path:
    """A directory with the program `edgeadm` and its libraries in `_internal/`, including the C library.

    The directory of the running program if that is self-contained; otherwise built below `cache`, once per
    state of the sources. Raises MissingToolError without PyInstaller, ExecutableError if it fails.
    """
    if getattr(sys, "frozen", False):
        return Path(sys.executable).resolve().parent.parent
    folder = cache / "executable"
    sources = dict(_sources())
    imports = imports_of(data for name, data in sources.items() if name.endswith(".py"))
    recipe = [sources[f"package/{name}.py"].decode() for name in ("freeze", "launcher")]
    base_key = _key([imports, _environment(), *recipe])
    key = _key([base_key, *(f"{name} {_sha256(data)}" for name, data in sorted(sources.items()))])
    if (folder / key).is_dir():
        return folder / key
    base = _once(folder / f"base-{base_key}", lambda work: _base(imports, work, say))
    say("adding edgeadm to the executable")
    return _once(folder / key, lambda work: _whole(base, sources, work))


def facts(tree: Path) -> dict[str, str]:
    """The properties of the tree: `python`, `arch`, its `glibc`, and `glibcNeeded`, the oldest sufficient
    version."""
    loaded: dict[str, str] = json.loads((tree / INSIDE / NAME / FACTS).read_text(encoding="utf-8"))
    return loaded


def _base(imports: str, work: Path, say: Say) -> Path:
    say("freezing Python and the libraries that edgeadm uses (about a minute, once)")
    tree = work / "tree"
    tree.mkdir()
    freeze(imports, work, say).rename(tree / INSIDE)
    write_launcher(tree, NAME, INSIDE, bring_libc(tree / INSIDE))
    return tree


def _whole(base: Path, sources: dict[str, bytes], work: Path) -> Path:
    tree = work / "tree"
    shutil.copytree(base, tree, symlinks=True, copy_function=_link)
    home = tree / INSIDE / NAME
    for name, data in sources.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    _compile(home)
    about = {
        "python": platform.python_version(),
        "arch": platform.machine(),
        "glibc": libc_version(),
        "glibcNeeded": glibc_needed(tree),
    }
    (home / FACTS).write_text(json.dumps(about, sort_keys=True) + "\n", encoding="utf-8")
    _settle(tree)
    started = execute([str(tree / NAME), "version"], cwd=work)
    if started.code:
        raise ExecutableError("the executable does not start", context=started.err[-2000:])
    return tree


def _compile(home: Path) -> None:
    """Compile the sources to byte code. Runs in a separate process with a fixed hash seed and without time
    stamps: the same sources result in the same bytes."""
    argv = [sys.executable, "-I", "-m", "compileall", "-q", "-b", "-f", "--invalidation-mode=unchecked-hash"]
    execute(
        [*argv, "-s", str(home.parent), str(home)], cwd=home.parent, env={"PYTHONHASHSEED": "0"}
    ).checked()
    for source in home.rglob("*.py"):
        source.unlink()


def _settle(tree: Path) -> None:
    """Set fixed modes, independent of the umask."""
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    tree.chmod(0o755)


def _once(target: Path, build: Callable[[Path], Path]) -> Path:
    """Create the target atomically if it does not exist."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as work:
        built = build(Path(work))
        try:
            built.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another process built it meanwhile
                raise
    return target


def _sources() -> Iterator[tuple[str, bytes]]:
    """Path in the package and content of all shipped files: read once, so that the cache key matches them."""
    home = Path(edgeadm.__file__).resolve().parent
    roots = {"": home}
    for inside, folder in (("_templates/", Path(str(templates()))), ("_install_pkgs/", install_pkgs())):
        if not folder.is_relative_to(home):  # a checkout: these directories are in the root of the repository
            roots[inside] = folder
    for prefix, root in roots.items():
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and "__pycache__" not in name and not name.endswith(ARCHIVES):
                yield prefix + name, path.read_bytes()


def _environment() -> str:
    """Inputs of the libraries' tree other than the imports."""
    installed = sorted(f"{each.name}=={each.version}" for each in metadata.distributions())
    return "\n".join([sys.version, platform.machine(), sys.base_prefix, libc_version(), *installed])


def _key(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _link(source: str, target: str) -> None:
    """A hard link if the file system supports it, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
