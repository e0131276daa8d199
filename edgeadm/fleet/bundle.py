"""The files that machines of a role receive: edgeadm, and the offline package reduced to that role.

Both are cut from the offline package, which contains edgeadm for its architecture, and are written once per
package and role.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from edgeadm.assets import cache_root
from edgeadm.fleet.chunks import Piece, piece_of
from edgeadm.fleet.errors import NoPackageError
from edgeadm.fleet.model import Role
from edgeadm.package import open_source
from edgeadm.package.check import read_manifest
from edgeadm.package.extract import unpack
from edgeadm.package.manifest import FileEntry, Manifest
from edgeadm.package.opened import INSTALLED
from edgeadm.package.write import Input, write_package

# Part of the names in the cache: increases with each change of the written bytes.
FORMAT = 1
KIND = "edgeadm"
GZIP_LEVEL = 6
TREE_LENGTH = 20


@dataclass(frozen=True)
class Bundle:
    """The files for a role. `tree` names the directory of the executable, `unpacked` is its size in bytes."""

    executable: Piece
    package: Piece
    unpacked: int

    @property
    def tree(self) -> str:
        return self.executable.sha256[:TREE_LENGTH]

    @property
    def pieces(self) -> tuple[Piece, Piece]:
        """The executable first: it is small, and a machine that has it can be reset."""
        return self.executable, self.package


@dataclass
class Bundles:
    """The bundles of the packages of a fleet, by architecture and role; may be used by several threads."""

    packages: Mapping[str, str]
    cache: Path = field(default_factory=lambda: cache_root() / "fleet")
    _opened: dict[str, tuple[Path, Manifest]] = field(default_factory=dict)
    _made: dict[tuple[str, str], Bundle] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, arch: str, role: Role) -> Bundle:
        """The bundle, written if the cache lacks it. Raises NoPackageError and the errors of packages."""
        with self._lock:
            known = self._made.get((arch, role))
            if known is None:
                known = self._made[arch, role] = self._bundle(*self._open(arch), role)
            return known

    def manifest(self, arch: str) -> Manifest:
        """The manifest of the package. Raises NoPackageError and the errors of packages."""
        with self._lock:
            return self._open(arch)[1]

    def path(self, arch: str) -> Path:
        """The local path of the package. Raises NoPackageError and the errors of packages."""
        with self._lock:
            return self._open(arch)[0]

    def content(self, arch: str, role: Role) -> str:
        """The hash of the files that a node of the role receives from the package, and of its version."""
        manifest = self.manifest(arch)
        names = sorted(f"{each.sha256} {each.path}" for each in manifest.files if _installs(each, role))
        return hashlib.sha256("\n".join([manifest.kubernetes, *names]).encode()).hexdigest()

    def _open(self, arch: str) -> tuple[Path, Manifest]:
        if arch not in self._opened:
            if arch not in self.packages:
                raise NoPackageError(
                    f"the document names no package for {arch}",
                    hint=f"build one with `edgeadm package build --arch {arch}`, and add it to `packages`",
                )
            path = open_source(self.packages[arch], self.cache.parent / "packages")
            self._opened[arch] = path, read_manifest(path)
        return self._opened[arch]

    def _bundle(self, path: Path, manifest: Manifest, role: Role) -> Bundle:
        key = hashlib.sha256(b"%d\0" % FORMAT + manifest.to_json()).hexdigest()[:TREE_LENGTH]
        package = self.cache / f"package-{key}-{role}.tar.zst"
        executable = self.cache / f"edgeadm-{key}.tar.gz"
        if not (package.is_file() and executable.is_file()):
            self._cut(path, manifest, role, package, executable)
        size = sum(each.size for each in manifest.files if each.kind == KIND)
        return Bundle(piece_of(executable), piece_of(package), size)

    def _cut(self, path: Path, manifest: Manifest, role: Role, package: Path, executable: Path) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cutting-", dir=self.cache) as work:
            files = Path(work) / "files"
            unpack(path, files, wanted=lambda each: each.kind == KIND or _installs(each, role))
            if not executable.is_file():
                _write_executable(files, manifest, Path(work) / executable.name)
                (Path(work) / executable.name).replace(executable)
            write_role_package(files, manifest, role, Path(work) / package.name)
            (Path(work) / package.name).replace(package)
            shutil.rmtree(files)


def write_role_package(files: Path, manifest: Manifest, role: Role, target: Path) -> None:
    """Write the package of a role from a directory with its files: equal inputs result in equal bytes."""
    write_package(
        target,
        [
            Input(files / each.path, each.path, (role,), each.kind, each.mode)
            for each in manifest.files
            if _installs(each, role)
        ],
        edgeadm=manifest.edgeadm,
        kubernetes=manifest.kubernetes,
        arch=manifest.arch,
        images=[
            type(each)(each.name, each.file, each.digest, (str(role),))
            for each in manifest.images
            if role in each.roles
        ],
        components=dict(manifest.components),
        schema=manifest.schema,
    )


def _write_executable(files: Path, manifest: Manifest, target: Path) -> None:
    """Write the executable of the package as a tar.gz: equal inputs result in equal bytes."""
    entries = sorted((each for each in manifest.files if each.kind == KIND), key=lambda each: each.path)
    if not entries:
        raise NoPackageError(
            f"the package for {manifest.arch} does not contain edgeadm",
            hint="build the package with `edgeadm package build`, which adds it",
        )
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as file,
        tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for entry in entries:
            info = tarfile.TarInfo(entry.path.partition("/")[2])
            info.mode = entry.mode
            if entry.target:
                info.type, info.linkname = tarfile.SYMTYPE, entry.target
                archive.addfile(info)
                continue
            info.size = entry.size
            with (files / entry.path).open("rb") as source:
                archive.addfile(info, source)


def _installs(entry: FileEntry, role: Role) -> bool:
    return role in entry.roles and entry.kind in INSTALLED
