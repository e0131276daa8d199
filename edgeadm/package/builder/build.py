"""The steps of `edgeadm package build`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeadm import __version__
from edgeadm.assets import cache_root
from edgeadm.hosts.debian import ensure_packages
from edgeadm.package.builder.cache import forget_older, key_of, once
from edgeadm.package.builder.go import Toolchain, build_set, find_toolchain, set_folder
from edgeadm.package.builder.images import BuiltImage, ImageBuilder
from edgeadm.package.builder.packetfilter import DEBIAN
from edgeadm.package.builder.recipe import Programs, Recipe, Tools, load_recipe
from edgeadm.package.builder.relocated import Relocated, relocated, relocated_folder
from edgeadm.package.builder.steps import Say, Steps
from edgeadm.package.check import verify
from edgeadm.package.checksum import file_sha256
from edgeadm.package.errors import BuildError, CrossBuildError
from edgeadm.package.machine import this_arch
from edgeadm.package.manifest import ROLES, TOOLS, ImageEntry, Manifest
from edgeadm.package.write import Input, write_package

# Packages of 250 MB each; each state of the sources needs one.
KEPT_PACKAGES = 4

MakeExecutable = Callable[[Path, Say], Path]


@dataclass(frozen=True)
class Built:
    """A finished package: its path, size in bytes, sha256, manifest, and build time in seconds."""

    path: Path
    size: int
    sha256: str
    manifest: Manifest
    seconds: float


def build_package(
    kubernetes: str,
    target: Path,
    *,
    arch: str | None = None,
    cache: Path | None = None,
    say: Say,
    executable: MakeExecutable | None = None,
) -> Built:
    """Build the package for a Kubernetes version such as v1.34.4 and write it to the target file.

    Programs and images are cached. `say` receives a line per step. `executable` returns the tree of edgeadm's
    own executable. Raises UnknownRecipeError, CrossBuildError, GoToolchainMissingError, MissingToolError,
    BuildError.
    """
    recipe = load_recipe(kubernetes)
    arch = arch or this_arch()
    _refuse_cross_build(recipe, arch)
    cache = cache or cache_root()
    return build_recipe(
        recipe, target, arch, cache, say, executable=executable or _own_executable, toolchain=find_toolchain()
    )


def build_recipe(
    recipe: Recipe,
    target: Path,
    arch: str,
    cache: Path,
    say: Say,
    *,
    executable: MakeExecutable,
    toolchain: Toolchain,
) -> Built:
    """The steps for one recipe. Raises MissingToolError, BuildError."""
    started = time.monotonic()
    debian = [each for each in recipe.tools if not each.set]
    steps = Steps(say, len(recipe.sets) + len(debian) + 4)
    folders = _build_sets(recipe, toolchain, arch, cache, steps)
    moved = [_relocate(each, arch, cache, steps) for each in debian]
    with steps.step("edgeadm's own executable"):
        tree = executable(cache, say)
    with steps.step(f"images: {len(recipe.images)}"):
        if any(each.packet_filter for each in recipe.images):
            ensure_packages(DEBIAN, say)
        builder = ImageBuilder(arch, folders, cache)
        images = [
            builder.build_own(each, tree) if each.own else builder.build(each) for each in recipe.images
        ]
    inputs = [
        *_programs(recipe.programs, folders, "bin", "program"),
        *_programs(recipe.plugins, folders, "cni", "cni-plugin"),
        *_tools(recipe.tools, folders),
        *(entry for each in moved for entry in _moved(each)),
        *(Input(each.tar, each.image.file, each.image.roles, "image", 0o644) for each in images),
        *_tree(tree),
    ]
    with steps.step(f"writing {target.name}"):
        manifest = write_package(
            target,
            inputs,
            edgeadm=__version__,
            kubernetes=recipe.kubernetes,
            arch=arch,
            images=[_image_entry(each) for each in images],
            components=recipe.components() | {name: v for each in moved for name, v in each.versions.items()},
        )
    with steps.step("verifying it"):
        verify(target, arch=arch)
        sha256 = file_sha256(target)
    return Built(target, target.stat().st_size, sha256, manifest, time.monotonic() - started)


def _build_sets(
    recipe: Recipe, toolchain: Toolchain, arch: str, cache: Path, steps: Steps
) -> dict[str, Path]:
    folders = {}
    for name, each in recipe.sets.items():
        with steps.step(f"{each.title} {each.version}"):
            if each.debian:
                ensure_packages(each.debian, steps.say)
            folder = set_folder(each, toolchain, arch, cache)
            if not folder.is_dir():
                steps.detail(f"compiling with {toolchain.version}; the first build takes minutes")
            build_set(each, toolchain, arch, folder)
            folders[name] = folder
    return folders


def _relocate(tools: Tools, arch: str, cache: Path, steps: Steps) -> Relocated:
    with steps.step(f"{' and '.join(tools.names)} of Debian"):
        return relocated(tools, arch, cache)


def _refuse_cross_build(recipe: Recipe, arch: str) -> None:
    """Parts for the architecture of the build host only: C, Debian's programs and frozen Python are in every
    package."""
    if arch == this_arch():
        return
    parts = [f"set {name} (C)" for name, each in recipe.sets.items() if each.cgo]
    if any(each.packet_filter for each in recipe.images):
        parts.append("iptables in the images of kube-proxy and flannel")
    parts += [" and ".join(each.names) for each in recipe.tools if not each.set]
    parts.append("edgeadm's own executable")
    raise CrossBuildError(
        f"a package for {arch} cannot be built on {this_arch()}: {', '.join(parts)}",
        hint=f"run the same command on a host with {arch}",
    )


def _programs(parts: tuple[Programs, ...], folders: dict[str, Path], to: str, kind: str) -> Iterator[Input]:
    for part in parts:
        for name in part.names:
            source = folders[part.set] / name
            if not source.is_file():
                raise BuildError(f"the set {part.set} produced no binary {name}")
            yield Input(source, f"{to}/{name}", part.roles, kind)


def _tools(parts: tuple[Tools, ...], folders: dict[str, Path]) -> Iterator[Input]:
    for part in parts:
        if part.set:
            of_set = Programs(part.set, part.names, part.roles)
            yield from _programs((of_set,), folders, f"{TOOLS}/{part.folder}", "tool")


def _moved(each: Relocated) -> Iterator[Input]:
    for path in sorted(each.files.rglob("*")):
        if path.is_dir():
            continue
        inside = f"{TOOLS}/{each.tools.folder}/{path.relative_to(each.files).as_posix()}"
        yield Input(path, inside, each.tools.roles, "tool", path.stat().st_mode & 0o777)


def _tree(tree: Path) -> Iterator[Input]:
    """edgeadm's own executable with its libraries; links are preserved."""
    for path in sorted(tree.rglob("*")):
        if path.is_symlink() or path.is_file():
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            yield Input(path, f"edgeadm/{path.relative_to(tree).as_posix()}", ROLES, "edgeadm", mode)


def _image_entry(each: BuiltImage) -> ImageEntry:
    return ImageEntry(each.image.name, each.image.file, each.digest, each.image.roles)


def _own_executable(cache: Path, say: Say) -> Path:
    from edgeadm.package.executable import executable_tree

    return executable_tree(cache, say)


def cached_package(kubernetes: str, *, cache: Path | None = None, say: Say) -> Path:
    """The package for this version and host, from the cache if it was built with the same inputs before.

    It has its own directory, which can be mounted in nodes. Raises the errors of build_package.
    """
    recipe, arch, cache = load_recipe(kubernetes), this_arch(), cache or cache_root()
    toolchain = find_toolchain()
    sets = [set_folder(each, toolchain, arch, cache).name for each in recipe.sets.values()]
    tools = [relocated_folder(each, arch, cache).name for each in recipe.tools if not each.set]
    # The executable's name contains the hash of edgeadm's sources, which include the code that builds images.
    key = key_of(recipe.kubernetes, arch, sets, tools, _own_executable(cache, say).name)
    folder = cache / "packages" / key
    name = f"kubernetes-{recipe.kubernetes}-{arch}.tar.zst"

    def make(out: Path) -> None:
        build_package(kubernetes, out / name, cache=cache, say=say)

    once(folder, make)
    forget_older(folder, KEPT_PACKAGES)
    return folder / name
