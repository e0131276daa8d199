"""Unpacks a package: verified while unpacking, and atomically."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from edgeadm.package.check import OnProgress, check
from edgeadm.package.errors import PackageTargetError, UnpackError
from edgeadm.package.manifest import NAME, FileEntry, Manifest

Wanted = Callable[[FileEntry], bool]


def everything(entry: FileEntry) -> bool:  # noqa: ARG001
    """Selects every file."""
    return True


def unpack(
    path: Path,
    target: Path,
    *,
    wanted: Wanted = everything,
    arch: str | None = None,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Verify the whole package and write the selected files and the manifest to the new directory `target`.

    They are written to a private temporary directory, which is renamed to the target after the last byte was
    verified, and deleted after any error. Only its owner can read the target. Raises a PackageError;
    PackageTargetError if the target exists; UnpackError if the disk is full.
    """
    if target.exists() or target.is_symlink():
        raise PackageTargetError(f"{target} already exists", hint="pass a directory that does not exist")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            manifest = check(path, _Staging(staging, wanted), arch=arch, on_progress=on_progress)
            (staging / NAME).write_bytes(manifest.to_json())
            _flush(staging)
            staging.rename(target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    except OSError as error:
        raise UnpackError(
            f"the package could not be unpacked to {target}: {error.strerror}",
            hint="check the free space and the permissions there; no files were left behind",
        ) from error
    return manifest


class _Staging:
    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder = folder
        self._wanted = wanted

    def path(self, entry: FileEntry) -> Path | None:
        return self._folder / entry.path if self._wanted(entry) else None

    def link(self, entry: FileEntry) -> None:
        if self._wanted(entry):
            at = self._folder / entry.path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(entry.target)


def _flush(folder: Path) -> None:
    """Flush to the disk before the rename: after a power cut, an existing target is complete."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            os.sync()
    finally:
        os.close(descriptor)
