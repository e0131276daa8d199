"""Image layers: tars with fixed order, owners and times, so that the same files have the same digest."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

CHUNK = 1 << 20


@dataclass(frozen=True)
class LayerFile:
    """One entry: a path without a leading slash, and a file, bytes, a link target, or a directory (none of
    them)."""

    path: str
    source: Path | bytes | None = None
    mode: int = 0o755
    target: str = ""


@dataclass(frozen=True)
class Blob:
    """A file with its digest in OCI form, and its size in bytes."""

    path: Path
    digest: str
    size: int


PASSWD = b"root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
GROUP = b"root:x:0:\nnobody:x:65534:\n"
NSSWITCH = b"passwd: files\ngroup: files\nhosts: files dns\n"
FOLDERS = ("dev", "etc", "proc", "root", "run", "sys", "usr", "usr/local", "usr/local/bin", "var", "var/lib")

BASE = (
    *(LayerFile(path) for path in FOLDERS),
    LayerFile("tmp", mode=0o1777),
    LayerFile("etc/passwd", PASSWD, 0o644),
    LayerFile("etc/group", GROUP, 0o644),
    LayerFile("etc/nsswitch.conf", NSSWITCH, 0o644),
)


def write_layer(files: Iterable[LayerFile], target: Path) -> Blob:
    """Write a layer with these files and their parent directories."""
    entries = {each.path: each for each in files}
    for path in list(entries):
        while path := path.rpartition("/")[0]:
            entries.setdefault(path, LayerFile(path))
    with target.open("wb") as out:
        for path in sorted(entries):
            _entry(out, entries[path])
        out.write(bytes(2 * tarfile.BLOCKSIZE))
    return blob(target)


def blob(path: Path) -> Blob:
    """The file as a blob."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Blob(path, f"sha256:{digest}", path.stat().st_size)


def add_file(out: IO[bytes], path: str, source: Path | bytes, mode: int = 0o644) -> None:
    """Append a file to a tar."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    out.write(_header(path, mode, size=size))
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as data:
        while chunk := data.read(CHUNK):
            out.write(chunk)
    out.write(bytes(-size % tarfile.BLOCKSIZE))


def _entry(out: IO[bytes], each: LayerFile) -> None:
    if each.target:
        out.write(_header(each.path, 0o777, type=tarfile.SYMTYPE, linkname=each.target))
    elif each.source is None:
        out.write(_header(each.path, each.mode, type=tarfile.DIRTYPE))
    else:
        add_file(out, each.path, each.source, each.mode)


def _header(path: str, mode: int, **fields: Any) -> bytes:
    info = tarfile.TarInfo(path)
    info.mode = mode
    for name, value in fields.items():
        setattr(info, name, value)
    return info.tobuf(tarfile.USTAR_FORMAT)
