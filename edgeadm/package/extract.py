"""Unpacking a package: verified on the way, and there in one step or not at all."""

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
    """Every file is wanted."""
    return True


def unpack(
    path: Path,
    target: Path,
    *,
    wanted: Wanted = everything,
    arch: str | None = None,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Verify the whole package and put the wanted files, and the manifest, into the new folder `target`.

    They are written to a private folder beside it, which takes the target's name after the last byte was
    checked and is gone after any refusal. The target is readable by its owner alone.
    Raises a PackageError; PackageTargetError where the target exists; UnpackError where the disk is full."""
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
    """To disk, before the folder gets its name: after a power cut, what has the name is whole."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            os.sync()
    finally:
        os.close(descriptor)
