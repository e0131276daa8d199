"""Recipes: the contents of a package for one Kubernetes version, from the files in `install-pkgs/`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeadm import __version__
from edgeadm.assets import install_pkgs
from edgeadm.package.errors import RecipeError, UnknownRecipeError
from edgeadm.package.manifest import ROLES

RECIPES = "recipes"
LAYOUT = "layout.toml"
SET = "set.toml"
MODULE = "go.mod"
SUMS = "go.sum"
# The name that images use instead of a set: edgeadm's own executable.
OWN = "edgeadm"


@dataclass(frozen=True)
class Check:
    """A command that tests a built program: its output contains `shows`."""

    run: tuple[str, ...]
    shows: str


@dataclass(frozen=True)
class Extra:
    """A directory of a module that a program reads at run time. It is stored with the programs, as `name`."""

    name: str
    module: str
    folder: str


@dataclass(frozen=True)
class ModuleSet:
    """Programs of one Go module that are built together. `sources` are patterns of files, relative to the
    module. `stamps` are variables set by the linker. `held` is the reason for a version that is not the
    newest one."""

    name: str
    folder: Path
    title: str
    version: str
    packages: tuple[str, ...] = ("tool",)
    sources: tuple[str, ...] = ()
    cgo: bool = False
    tags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    debian: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    extras: tuple[Extra, ...] = ()
    held: str = ""

    @property
    def root(self) -> Path:
        """The directory of the go.mod: that of the set, or the nearest one above it."""
        folders = (self.folder, *self.folder.parents)
        return next((each for each in folders if (each / MODULE).is_file()), self.folder)

    def inputs(self) -> dict[str, str]:
        """Contents of the files that the programs are built from, by path relative to the module.

        These are go.mod, go.sum and the sources without Go's tests. Raises RecipeError if a pattern of
        `sources` matches no file.
        """
        root = self.root
        paths = {root / MODULE, root / SUMS}
        for pattern in self.sources:
            found = {path for path in root.glob(pattern) if not path.name.endswith("_test.go")}
            if not found:
                raise RecipeError(f"set {self.name}: no file matches the source `{pattern}`")
            paths |= found
        return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}

    @property
    def module(self) -> str:
        """The Go module with the version `version`; empty for edgeadm's own programs, which have no
        modules."""
        text = (self.root / MODULE).read_text(encoding="utf-8")
        tools = re.findall(r"^(?:tool)?\s*(\S+/\S+)$", text, re.MULTILINE)
        every = re.findall(rf"^(?:require)?\s*(\S+) {re.escape(self.version)}(?:\s|$)", text, re.MULTILINE)
        return next((each for each in every if any(tool.startswith(each) for tool in tools)), "")


@dataclass(frozen=True)
class Programs:
    """Programs of a set with their directory in the package, for some roles."""

    set: str
    names: tuple[str, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Tools:
    """Programs with their own directory on a node: of a set, or of Debian's archive if no set is given.
    `packages` are the names of Debian's packages, if they differ from the programs' names. `commands` are
    names of the last program, as for iptables: a node that has no such commands gets them. `extensions` is
    the directory, relative to Debian's libraries, of extensions that this program loads."""

    folder: str
    names: tuple[str, ...]
    roles: tuple[str, ...]
    set: str = ""
    packages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    extensions: str = ""

    @property
    def debian(self) -> tuple[str, ...]:
        """The Debian packages of the programs."""
        return self.packages or self.names


@dataclass(frozen=True)
class Image:
    """An image: one program of a set at `path`, or edgeadm's own executable; with iptables and nft if
    `packet_filter` is set. `extras` maps names of the set's extras to directories in the image."""

    name: str
    set: str
    path: str
    roles: tuple[str, ...]
    packet_filter: bool = False
    extras: tuple[tuple[str, str], ...] = ()

    @property
    def own(self) -> bool:
        """Whether the image contains edgeadm's own executable instead of a program of a set."""
        return self.set == OWN

    @property
    def file(self) -> str:
        """The image's file in the package."""
        return f"images/{self.name.rpartition('/')[2].partition(':')[0]}.tar"


@dataclass(frozen=True)
class Recipe:
    """The contents of a package for this Kubernetes version."""

    kubernetes: str
    sets: Mapping[str, ModuleSet]
    programs: tuple[Programs, ...]
    plugins: tuple[Programs, ...]
    images: tuple[Image, ...]
    tools: tuple[Tools, ...] = ()

    def components(self) -> dict[str, str]:
        """Compiled component → its version."""
        return {name: each.version for name, each in sorted(self.sets.items())}


def known_recipes(root: Path | None = None) -> list[str]:
    """The Kubernetes versions that packages can be built for, oldest first."""
    names = [path.stem for path in ((root or install_pkgs()) / RECIPES).glob("v*.toml")]
    return sorted(names, key=lambda name: [int(part) for part in name[1:].split(".")])


def default_kubernetes(root: Path | None = None) -> str:
    """The default version: that of the only recipe with `default = true`.

    Raises RecipeError if there is not exactly one.
    """
    root = root or install_pkgs()
    found = [each for each in known_recipes(root) if _read(root / RECIPES / f"{each}.toml").get("default")]
    if len(found) != 1:
        raise RecipeError(
            f"exactly one recipe must contain `default = true`; found {', '.join(found) or 'none'}"
        )
    return found[0]


def load_recipe(kubernetes: str, root: Path | None = None) -> Recipe:
    """The recipe for a Kubernetes version such as v1.34.4 or 1.34.4.

    Raises UnknownRecipeError if there is none, RecipeError if its files are inconsistent.
    """
    root = root or install_pkgs()
    version = f"v{kubernetes.removeprefix('v')}"
    if version not in known_recipes(root):
        raise UnknownRecipeError(
            f"there is no recipe for Kubernetes {kubernetes}",
            hint=f"packages can be built for {', '.join(known_recipes(root))}",
        )
    try:
        return _recipe(_read(root / RECIPES / f"{version}.toml"), _read(root / LAYOUT), root)
    except (KeyError, TypeError, tomllib.TOMLDecodeError, OSError) as error:
        raise RecipeError(f"the recipe for {version} cannot be read: {error!r}") from error


def _recipe(raw: Mapping[str, Any], layout: Mapping[str, Any], root: Path) -> Recipe:
    sets = {name: _module_set(name, root / folder) for name, folder in raw["sets"].items()}
    recipe = Recipe(
        kubernetes=raw["kubernetes"],
        sets=sets,
        programs=tuple(_programs(each) for each in layout["program"]),
        plugins=tuple(_programs(each) for each in layout["plugin"]),
        images=tuple(
            _image(each, sets, raw.get("tags", {}))
            for each in layout["image"]
            if each.get("group", "core") in raw["groups"]
        ),
        tools=tuple(_tools(each) for each in layout["tool"]),
    )
    _check(recipe)
    return recipe


def _module_set(name: str, folder: Path) -> ModuleSet:
    raw = _read(folder / SET)
    lists = ("packages", "sources", "tags", "ldflags", "stamps", "debian")
    given: dict[str, Any] = {key: tuple(raw[key]) for key in lists if key in raw}
    return ModuleSet(
        name=name,
        folder=folder,
        title=raw["title"],
        version=raw["version"],
        cgo=raw.get("cgo", False),
        held=raw.get("held", ""),
        rename=tuple(raw.get("rename", {}).items()),
        checks=tuple(Check(tuple(each["run"]), each["shows"]) for each in raw.get("checks", ())),
        extras=tuple(Extra(each["name"], each["module"], each["folder"]) for each in raw.get("extras", ())),
        **given,
    )


def _programs(raw: Mapping[str, Any]) -> Programs:
    return Programs(raw["set"], tuple(raw["names"]), tuple(raw["roles"]))


def _tools(raw: Mapping[str, Any]) -> Tools:
    return Tools(
        raw["folder"],
        tuple(raw["names"]),
        tuple(raw["roles"]),
        raw.get("set", ""),
        tuple(raw.get("packages", ())),
        tuple(raw.get("commands", ())),
        raw.get("extensions", ""),
    )


def _image(raw: Mapping[str, Any], sets: Mapping[str, ModuleSet], tags: Mapping[str, str]) -> Image:
    tag = f"v{__version__}" if raw["set"] == OWN else tags.get(raw["name"]) or sets[raw["set"]].version
    return Image(
        name=f"{raw['name']}:{tag}",
        set=raw["set"],
        path=raw["path"],
        roles=tuple(raw["roles"]),
        packet_filter=raw.get("packet-filter", False),
        extras=tuple(raw.get("extras", {}).items()),
    )


def _check(recipe: Recipe) -> None:
    compiled = [each for each in recipe.tools if each.set]
    parts: list[Programs | Tools | Image] = [*recipe.programs, *recipe.plugins, *compiled, *recipe.images]
    for part in parts:
        if part.set not in (*recipe.sets, OWN):
            raise RecipeError(f"the recipe for {recipe.kubernetes} has no set {part.set}")
    for part in [*parts, *recipe.tools]:
        if not part.roles or not set(part.roles) <= set(ROLES):
            raise RecipeError(f"{part.set or part}: roles must be some of {', '.join(ROLES)}")


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
