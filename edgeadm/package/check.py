"""Reads a package completely and compares it with its manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from edgeadm.package.archive import Archive, Member
from edgeadm.package.errors import (
    ChecksumMissingError,
    NotAPackageError,
    PackageArchError,
    PackageDuplicateError,
    PackageFileAlteredError,
    PackageFileExtraError,
    PackageFileMissingError,
    PackageNotFoundError,
)
from edgeadm.package.folder import folder_manifest, read_folder
from edgeadm.package.frame import chunks
from edgeadm.package.hashing import HINT, FileCheck, Worker
from edgeadm.package.machine import ELF_HEAD, program_arch
from edgeadm.package.manifest import MAX_BYTES, NAME, FileEntry, Manifest, oversized, parse
from edgeadm.package.safety import HINT as UNSAFE

GZIP = b"\x1f\x8b"
READ_BUFFER = 1 << 20
RUNNABLE = ("program", "tool", "cni-plugin", "edgeadm")

# Called after each file with the entry and the number of verified bytes.
OnProgress = Callable[[FileEntry, int], None]


class Sink(Protocol):
    """The destination of verified files."""

    def path(self, entry: FileEntry) -> Path | None:
        """The path to write the file to, or None if it is only verified."""

    def link(self, entry: FileEntry) -> None:
        """A symbolic link of the package."""


class Nowhere:
    """A sink that writes nothing: verification only."""

    def path(self, entry: FileEntry) -> Path | None:  # noqa: ARG002
        return None

    def link(self, entry: FileEntry) -> None:
        """Its target was compared with the manifest before."""


def read_manifest(path: Path) -> Manifest:
    """The manifest of a package file or directory; no other data is read.

    Raises PackageNotFoundError, NotAPackageError, ChecksumMissingError for upstream's layout, and the errors
    of `manifest.parse`.
    """
    if path.is_dir():
        return folder_manifest(path)
    with _opened(path) as archive:
        return _manifest(archive)


def verify(path: Path, *, arch: str | None = None, on_progress: OnProgress | None = None) -> Manifest:
    """Read every byte of a package file or directory, compare it with the manifest, and return the manifest.

    With `arch` (amd64, arm64 …) the package must be for this architecture. Nothing is written. Raises a
    PackageError.
    """
    return check(path, Nowhere(), arch=arch, on_progress=on_progress)


def check(path: Path, sink: Sink, *, arch: str | None, on_progress: OnProgress | None = None) -> Manifest:
    """Verify, and pass verified files to the sink. Raises a PackageError at the first difference."""
    if path.is_dir():
        manifest = folder_manifest(path)
        _check_arch(manifest, arch)
        with Worker() as worker:
            _check_members(manifest, read_folder(path, manifest), sink, worker, on_progress)
        return manifest
    with _opened(path) as archive:
        manifest = _manifest(archive)
        _check_arch(manifest, arch)
        with Worker() as worker:
            _check_members(manifest, _members(archive), sink, worker, on_progress)
        return manifest


@contextmanager
def _opened(path: Path) -> Iterator[Archive]:
    try:
        file = path.open("rb", buffering=READ_BUFFER)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PackageNotFoundError(f"{path} does not exist", hint="check the path") from error
    except OSError as error:
        raise PackageNotFoundError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        start = file.read(len(GZIP))
        file.seek(0)
        if start == GZIP:
            raise ChecksumMissingError(
                f"{path.name} is a gzip archive without an edgeadm manifest",
                hint=f"for a package in upstream's layout, add its checksum: {path}#sha256=…",
            )
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        yield Archive(chunks(file))


def _manifest(archive: Archive) -> Manifest:
    first = archive.next_member()
    if first is None or first.path != NAME or first.target:
        raise NotAPackageError(
            f"the archive does not begin with {NAME}", hint="pass a package that edgeadm built"
        )
    if first.size > MAX_BYTES:
        raise oversized(first.size)
    return parse(b"".join(archive.data(first.size)))


def _check_arch(manifest: Manifest, wanted: str | None) -> None:
    if wanted is not None and manifest.arch != wanted:
        raise PackageArchError(
            f"the package is for {manifest.arch}, but {wanted} is required",
            hint=f"build or download the package for {wanted}",
        )


Members = Iterable[tuple[Member, Iterator[memoryview]]]


def _members(archive: Archive) -> Members:
    while (member := archive.next_member()) is not None:
        yield member, archive.data(member.size)


def _check_members(
    manifest: Manifest, members: Members, sink: Sink, worker: Worker, on_progress: OnProgress | None
) -> None:
    expected = {entry.path: entry for entry in manifest.files}
    seen: set[str] = set()
    done = 0
    for member, data in members:
        entry = expected.get(member.path)
        if entry is None:
            raise PackageFileExtraError(f"{member.path} is not in the manifest", hint=UNSAFE)
        if member.path in seen:
            raise PackageDuplicateError(f"{member.path} is in the package twice", hint=UNSAFE)
        seen.add(member.path)
        _check_header(entry, member)
        _check_data(entry, data, sink, worker, manifest.arch)
        done += entry.size
        if on_progress is not None:
            on_progress(entry, done)
    if missing := [entry.path for entry in manifest.files if entry.path not in seen]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise PackageFileMissingError(
            f"{missing[0]}{more} is in the manifest, but not in the package", hint=HINT
        )


def _check_header(entry: FileEntry, member: Member) -> None:
    pairs = {
        "kind or link target": (member.target, entry.target),
        "size": (member.size, entry.size),
        "mode": (oct(member.mode), oct(entry.mode)),
    }
    for what, (found, wanted) in pairs.items():
        if found != wanted and not (what == "mode" and entry.target):
            raise PackageFileAlteredError(
                f"{entry.path} does not match the manifest: its {what} differs", hint=HINT
            )


def _check_data(entry: FileEntry, data: Iterator[memoryview], sink: Sink, worker: Worker, arch: str) -> None:
    if entry.target:
        sink.link(entry)
        return
    file = FileCheck(entry, sink.path(entry))
    worker.begin(file)
    head = b""
    for chunk in data:
        if len(head) < ELF_HEAD:
            head += bytes(chunk[: ELF_HEAD - len(head)])
        worker.do(partial(file.feed, chunk))
    found = program_arch(head) if entry.kind in RUNNABLE else ""
    if found not in ("", arch):
        raise PackageArchError(
            f"{entry.path} is a binary for {found}, but the package is for {arch}",
            hint="the package is inconsistent: build it again",
        )
    worker.do(file.finish)
