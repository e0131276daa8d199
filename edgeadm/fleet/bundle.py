"""The files that machines of a role receive: edgeadm, and the offline package reduced to that role.

edgeadm is the running one if the machine has the architecture of this host, else that of the offline package.
Both files are written once and cached.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from edgeadm.assets import cache_root
from edgeadm.errors import MissingToolError
from edgeadm.fleet.chunks import Piece, piece_of
from edgeadm.fleet.errors import NoPackageError
from edgeadm.fleet.model import Role
from edgeadm.package import open_source
from edgeadm.package.check import read_manifest
from edgeadm.package.executable import executable_tree
from edgeadm.package.extract import unpack
from edgeadm.package.machine import this_arch
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
    """The files for a role. `tree` names the directory of the executable on machines, `unpacked` is its
    size in bytes."""

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
    _contents: dict[tuple[str, str], str] = field(default_factory=dict)
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
        with self._lock:
            known = self._contents.get((arch, role))
            if known is None:
                manifest = self._open(arch)[1]
                names = sorted(
                    f"{each.sha256} {each.path}" for each in manifest.files if _installs(each, role)
                )
                text = "\n".join([manifest.kubernetes, *names])
                known = self._contents[arch, role] = hashlib.sha256(text.encode()).hexdigest()
            return known

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
        self.cache.mkdir(parents=True, exist_ok=True)
        executable, unpacked = self._executable(path, manifest)
        key = hashlib.sha256(b"%d\0" % FORMAT + manifest.to_json()).hexdigest()[:TREE_LENGTH]
        package = self.cache / f"package-{key}-{role}.tar.zst"
        if not package.is_file():
            with tempfile.TemporaryDirectory(prefix=".cutting-", dir=self.cache) as work:
                files, part = Path(work) / "files", Path(work) / package.name
                unpack(path, files, wanted=lambda each: _installs(each, role))
                write_role_package(files, manifest, role, part)
                part.replace(package)
        return Bundle(piece_of(executable), piece_of(package), unpacked)

    def _executable(self, path: Path, manifest: Manifest) -> tuple[Path, int]:
        """The archive of edgeadm for the architecture, and its size unpacked."""
        with tempfile.TemporaryDirectory(prefix=".cutting-", dir=self.cache) as work:
            tree = own_tree(manifest.arch)
            if tree is None:
                tree = Path(work) / "files"
                unpack(path, tree, wanted=lambda each: each.kind == KIND)
                tree = tree / KIND
            return write_executable(tree, self.cache)


def own_tree(arch: str) -> Path | None:
    """This edgeadm as a self-contained tree; None for another architecture, and if it cannot be built here:
    then machines receive the edgeadm of the package."""
    if this_arch() != arch:  # without `uname`, which the image of the controller does not contain
        return None
    try:
        return executable_tree(cache_root(), lambda _text: None)
    except MissingToolError:
        return None


def write_executable(tree: Path, folder: Path) -> tuple[Path, int]:
    """Write a tree as a tar.gz to the folder, unless it is there: equal trees result in equal bytes. Returns
    its path, and the size of the files in bytes. Raises NoPackageError if the tree does not exist."""
    files = sorted(each for each in tree.rglob("*") if each.is_symlink() or each.is_file())
    if not files:
        raise NoPackageError(
            "the package does not contain edgeadm for the architecture of the machine",
            hint="build the package with `edgeadm package build`, which adds it",
        )
    size = sum(each.stat().st_size for each in files if not each.is_symlink())
    target = folder / f"edgeadm-{_tree_key(tree, files)}.tar.gz"
    if not target.is_file():
        with tempfile.TemporaryDirectory(prefix=".cutting-", dir=folder) as work:
            part = Path(work) / target.name
            _archive(tree, files, part)
            part.replace(target)
    return target, size


def _archive(tree: Path, files: Iterable[Path], target: Path) -> None:
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as file,
        tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in files:
            info = tarfile.TarInfo(path.relative_to(tree).as_posix())
            info.mode = path.lstat().st_mode & 0o777
            if path.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
                archive.addfile(info)
                continue
            info.size = path.stat().st_size
            with path.open("rb") as source:
                archive.addfile(info, source)


def _tree_key(tree: Path, files: Iterable[Path]) -> str:
    key = hashlib.sha256(b"%d\0" % FORMAT)
    for path in files:
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        name = f"{path.relative_to(tree).as_posix()}\0{path.lstat().st_mode & 0o777:o}\0"
        key.update(name.encode() + hashlib.sha256(content).digest())
    return key.hexdigest()[:TREE_LENGTH]


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


def _installs(entry: FileEntry, role: Role) -> bool:
    return role in entry.roles and entry.kind in INSTALLED
