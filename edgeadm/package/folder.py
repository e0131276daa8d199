"""A package that is unpacked in a directory, with its manifest.json."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edgeadm.package.archive import Member
from edgeadm.package.errors import (
    NotAPackageError,
    PackageEntryKindError,
    PackageNotFoundError,
)
from edgeadm.package.manifest import MAX_BYTES, NAME, Manifest, oversized, parse
from edgeadm.package.safety import HINT, check_path

CHUNK = 1 << 20


def folder_manifest(folder: Path) -> Manifest:
    """The manifest in a directory. Raises NotAPackageError if there is none, and the errors of `parse`."""
    try:
        with (folder / NAME).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotAPackageError(
            f"{folder} does not contain {NAME}",
            hint="pass the package file, or the directory that it was unpacked to",
        ) from error
    if len(data) > MAX_BYTES:
        raise oversized(len(data))
    return parse(data)


def read_folder(folder: Path, manifest: Manifest) -> Iterator[tuple[Member, Iterator[memoryview]]]:
    """All files in the directory except the manifest, as the members of an archive, by path.

    Links are not followed. Modes are those of the manifest, because a copied directory may have lost them.
    Raises PackageEntryKindError for devices and pipes.
    """
    modes = {entry.path: entry.mode for entry in manifest.files}
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        if name == NAME:
            continue
        check_path(name)
        info = path.lstat()
        mode = modes.get(name, 0)
        if stat.S_ISLNK(info.st_mode):
            yield Member(name, 0, mode, str(path.readlink())), iter(())
        elif stat.S_ISREG(info.st_mode):
            yield Member(name, info.st_size, mode), _data(path)
        else:
            raise PackageEntryKindError(f"{name} is a device, a pipe or a socket", hint=HINT)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _data(path: Path) -> Iterator[memoryview]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise PackageNotFoundError(f"{path} cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield memoryview(chunk)
