"""Writes a package: the same files result in the same bytes."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from edgeadm.package.errors import BuildError
from edgeadm.package.manifest import NAME, FileEntry, ImageEntry, Manifest, parse

# These settings fix the bytes: with worker threads, the frame does not depend on their number.
LEVEL = 9
THREADS = 2
CHUNK = 1 << 20

OnFile = Callable[[FileEntry], None]


@dataclass(frozen=True)
class Input:
    """A file for a package: its current path, and its path, roles, kind and mode in the package."""

    source: Path
    path: str
    roles: tuple[str, ...]
    kind: str
    mode: int = 0o755


def write_package(
    target: Path,
    inputs: Iterable[Input],
    *,
    edgeadm: str,
    kubernetes: str,
    arch: str,
    images: Iterable[ImageEntry] = (),
    components: dict[str, str] | None = None,
    schema: int = 1,
) -> Manifest:
    """Write the package file atomically; returns its manifest.

    Raises BuildError if an input changes meanwhile or the disk is full, and the errors of `manifest.parse`
    for invalid paths and links.
    """
    ordered = sorted(inputs, key=lambda each: each.path)
    manifest = Manifest(
        schema=schema,
        edgeadm=edgeadm,
        kubernetes=kubernetes,
        arch=arch,
        files=tuple(_entry(each) for each in ordered),
        images=tuple(sorted(images, key=lambda each: each.name)),
        components=components or {},
    )
    parse(manifest.to_json())
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            _write(file, manifest, ordered)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise BuildError(
            f"{target} could not be written: {error.strerror}",
            hint="check the free space and the permissions",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return manifest


def _entry(each: Input) -> FileEntry:
    if each.source.is_symlink():
        link = str(each.source.readlink())
        return FileEntry(each.path, each.roles, each.kind, 0, 0o777, "", link)
    with each.source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(each.path, each.roles, each.kind, each.source.stat().st_size, each.mode, sha256)


def _write(file: IO[bytes], manifest: Manifest, inputs: list[Input]) -> None:
    import zstandard

    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, threads=THREADS, write_checksum=True, write_content_size=False
    )
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(file, closefd=False) as out:
        text = manifest.to_json()
        _member(out, _header(NAME, len(text), 0o644), BytesIO(text))
        for each, entry in zip(inputs, manifest.files, strict=True):
            if entry.target:
                _member(out, _header(entry.path, 0, entry.mode, entry.target), BytesIO())
                continue
            with each.source.open("rb") as source:
                _member(out, _header(entry.path, entry.size, entry.mode), source)
        out.write(bytes(2 * tarfile.BLOCKSIZE))


def _header(path: str, size: int, mode: int, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.size, info.mode, info.mtime, info.uid, info.gid = size, mode, 0, 0, 0
    info.type, info.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
    return info


def _member(out: IO[bytes], info: tarfile.TarInfo, source: IO[bytes]) -> None:
    try:
        out.write(info.tobuf(tarfile.USTAR_FORMAT))
    except ValueError as error:
        raise BuildError(f"{info.name} does not fit into a tar header: {error}") from error
    copied = 0
    while chunk := source.read(CHUNK):
        out.write(chunk)
        copied += len(chunk)
    if copied != info.size:
        raise BuildError(f"{info.name} changed during the build", hint="run the build again")
    out.write(bytes(-copied % tarfile.BLOCKSIZE))
