"""Converts the Go edgeadm's package, `kube-linux-ARCH-vVERSION.tar.gz` with `edge-install/` in it, to ours.

It contains no checksums: the user's checksum is the only verification. It is converted once to a package
directory with a manifest; after that, both kinds are read in the same way. It contains neither images nor
kubeadm.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edgeadm.package.errors import (
    NotAPackageError,
    PackageDamagedError,
    PackageDuplicateError,
    PackageEntryKindError,
    PackageTruncatedError,
)
from edgeadm.package.machine import ELF_HEAD, program_arch
from edgeadm.package.manifest import EDGE, NAME, ROLES, SCHEMA, FileEntry, Manifest
from edgeadm.package.safety import HINT, check_path

TOP = "edge-install"
# Archives inside the archive: their path, their top-level directory, and the destination of its files.
INNER = (("cni/cni-plugins-*.tgz", "", "cni"), ("container/containerd-*.tgz", "containerd", "bin"))
# The programs in the runtime archive; other files are scripts and settings of its own installer.
RUNTIME = re.compile(r"containerd(-shim.*|-stress)?|ctr|runc|crictl")
EDGE_PROGRAMS = ("lite-apiserver",)
VERSION = re.compile(r"v\d+\.\d+\.\d+")
MAX_FILES = 10_000
WHAT = "pass a package that edgeadm built, or upstream's kube-linux-*.tar.gz"
COPY = "copy or download the package again"


def convert(path: Path, sha256: str, cache: Path) -> Path:
    """The package directory for upstream's archive, cached under the archive's hash.

    Raises NotAPackageError for another archive, and the errors of unsafe paths and entries.
    """
    target = cache / f"upstream-{sha256}"
    if (target / NAME).is_file():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".upstream-", dir=cache))
    try:
        _extract(path, staging)
        manifest = _manifest(staging, path.name)
        (staging / NAME).write_bytes(manifest.to_json())
        staging.rename(target)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        if not (target / NAME).is_file():  # otherwise another process converted it meanwhile
            raise
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return target


def _extract(path: Path, folder: Path) -> None:
    with _readable(path) as archive:
        for name, member in _files(archive, path.name):
            top, _, rest = name.partition("/")
            if top != TOP or not rest:
                raise NotAPackageError(f"{path.name} contains {name}, which is not below {TOP}/", hint=WHAT)
            _write(archive, member, folder / rest)
    for pattern, inner_top, goal in INNER:
        for inner in sorted(folder.glob(pattern)):
            _extract_inner(inner, inner_top, folder / goal)
            inner.unlink()
    if not (folder / "bin" / "kubelet").is_file():
        raise NotAPackageError(f"{path.name} does not contain {TOP}/bin/kubelet", hint=WHAT)


def _extract_inner(path: Path, top: str, goal: Path) -> None:
    with _readable(path) as archive:
        for name, member in _files(archive, path.name):
            inside = posixpath.relpath(name, top) if top else name
            if "/" in inside or (top and not RUNTIME.fullmatch(inside)):
                continue
            _write(archive, member, goal / inside)


@contextmanager
def _readable(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r|gz") as archive:
            yield archive
    except (EOFError, tarfile.TarError) as error:
        if isinstance(error, EOFError) or "unexpected end" in str(error):
            raise PackageTruncatedError(f"{path.name} ends too early", hint=COPY) from error
        raise PackageDamagedError(f"{path.name} cannot be read: {error}", hint=COPY) from error


def _files(archive: tarfile.TarFile, archive_name: str) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """The regular files of an archive, with validated paths."""
    for count, member in enumerate(archive):
        name = member.name.removeprefix("./")
        if name in ("", ".") or member.isdir():
            continue
        check_path(name)
        if not member.isreg() or count > MAX_FILES:
            raise PackageEntryKindError(f"{name} in {archive_name} is not a plain file", hint=HINT)
        yield name, member


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    data = archive.extractfile(member)
    if data is None or target.exists():
        raise PackageDuplicateError(f"{member.name} is in the package twice", hint=HINT)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as out:
        shutil.copyfileobj(data, out, 1 << 20)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _manifest(folder: Path, name: str) -> Manifest:
    files = tuple(
        _entry(folder, PurePosixPath(path.relative_to(folder).as_posix()))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    version = VERSION.search(name)
    with (folder / "bin" / "kubelet").open("rb") as kubelet:
        arch = program_arch(kubelet.read(ELF_HEAD))
    return Manifest(
        schema=SCHEMA,
        edgeadm="upstream",
        kubernetes=version[0] if version else "",
        arch=arch or "unknown",
        files=files,
    )


def _entry(folder: Path, path: PurePosixPath) -> FileEntry:
    at = folder / path
    with at.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    kinds = {"bin": "program", "cni": "cni-plugin"}
    return FileEntry(
        path=str(path),
        roles=(EDGE,) if path.name in EDGE_PROGRAMS else ROLES,
        kind=kinds.get(path.parts[0], "other") if len(path.parts) == 2 else "other",
        size=at.stat().st_size,
        mode=at.stat().st_mode & 0o777,
        sha256=sha256,
    )
