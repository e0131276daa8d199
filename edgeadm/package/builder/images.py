"""Builds the images of a package without Docker: a shared base, runtime files, the program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeadm.package.builder.cache import key_of, once
from edgeadm.package.builder.layers import BASE, LayerFile, write_layer
from edgeadm.package.builder.oci import write_image
from edgeadm.package.builder.packetfilter import packet_filter_files
from edgeadm.package.builder.recipe import Image
from edgeadm.package.errors import BuildError
from edgeadm.package.executable import INSIDE
from edgeadm.package.launcher import command

# Part of the cache key: increase it when the image format changes.
FORMAT = 1
TAR = "image.tar"
# The directory of edgeadm's own executable in its image.
OWN = "opt/edgeadm"
DIGEST = "digest.json"


@dataclass(frozen=True)
class BuiltImage:
    """The tar of an image and its digest."""

    image: Image
    tar: Path
    digest: str


class ImageBuilder:
    """Builds images from the directories of built sets, with a cache."""

    def __init__(self, arch: str, folders: Mapping[str, Path], cache: Path) -> None:
        self._arch = arch
        self._folders = folders
        self._cache = cache
        self._filter: list[LayerFile] | None = None
        self._filter_key = ""

    def build_own(self, image: Image, tree: Path) -> BuiltImage:
        """The image of edgeadm's own executable: only the tree, which contains its C library, so the program
        starts without a shell."""
        key = key_of(FORMAT, self._arch, image.name, tree.name)
        target = self._cache / "images" / f"{OWN.rpartition('/')[2]}-{key}"
        once(target, lambda out: self._write(image, _start(tree), [BASE, list(_tree(tree))], out))
        digest: str = json.loads((target / DIGEST).read_text(encoding="utf-8"))["digest"]
        return BuiltImage(image, target / TAR, digest)

    def build(self, image: Image) -> BuiltImage:
        """The image. Raises BuildError if its set has no such program."""
        folder = self._folders[image.set]
        program = folder / image.path.rpartition("/")[2]
        if not program.is_file():
            raise BuildError(f"{image.set} produced no binary {program.name} for {image.name}")
        files = self._packet_filter() if image.packet_filter else []
        # The name of a set's directory contains a hash of all its inputs.
        filter_key = self._filter_key if files else ""
        key = key_of(FORMAT, self._arch, image.name, image.path, folder.name, filter_key, *image.extras)
        target = self._cache / "images" / f"{program.name}-{key}"
        once(target, lambda out: self._make(image, program, [*files, *_extras(image, folder)], out))
        digest: str = json.loads((target / DIGEST).read_text(encoding="utf-8"))["digest"]
        return BuiltImage(image, target / TAR, digest)

    def _make(self, image: Image, program: Path, files: list[LayerFile], out: Path) -> None:
        parts: list[Sequence[LayerFile]] = [BASE, files, [LayerFile(image.path.lstrip("/"), program)]]
        self._write(image, [image.path], parts, out)

    def _write(self, image: Image, start: list[str], parts: list[Sequence[LayerFile]], out: Path) -> None:
        layers = [write_layer(part, out / f"layer{number}") for number, part in enumerate(parts) if part]
        digest = write_image(out / TAR, image.name, self._arch, start, layers)
        for layer in layers:
            layer.path.unlink()
        (out / DIGEST).write_text(json.dumps({"digest": digest}), encoding="utf-8")

    def _packet_filter(self) -> list[LayerFile]:
        if self._filter is None:
            self._filter = packet_filter_files()
            self._filter_key = key_of(*[_identity(each) for each in self._filter])
        return self._filter


def _tree(tree: Path) -> Iterator[LayerFile]:
    for path in sorted(tree.rglob("*")):
        inside = f"{OWN}/{path.relative_to(tree).as_posix()}"
        if path.is_symlink():
            yield LayerFile(inside, target=str(path.readlink()))
        elif path.is_file():
            yield LayerFile(inside, path, 0o755 if path.stat().st_mode & 0o100 else 0o644)


def _start(tree: Path) -> list[str]:
    """The command of the launcher's script. Raises BuildError if the tree has no loader."""
    inside = f"/{OWN}/{INSIDE}"
    for path in sorted((tree / INSIDE).glob("ld-*")):
        return command(inside, path.name)
    raise BuildError(f"{tree} contains no loader")


def _extras(image: Image, folder: Path) -> Iterator[LayerFile]:
    """The extra files of the program in its image. Raises BuildError if the set has no such directory."""
    for name, place in image.extras:
        if not (folder / name).is_dir():
            raise BuildError(f"{image.set} produced no directory {name} for {image.name}")
        for path in sorted((folder / name).rglob("*")):
            if path.is_file():
                inside = f"{place.strip('/')}/{path.relative_to(folder / name).as_posix()}"
                yield LayerFile(inside, path, 0o644)


def _identity(each: LayerFile) -> list[str]:
    data = each.source.read_bytes() if isinstance(each.source, Path) else each.source or b""
    return [each.path, oct(each.mode), each.target, hashlib.sha256(data).hexdigest()]
