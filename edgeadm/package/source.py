"""Resolves the location of a package, a path or a URL, optionally with a checksum, to a local path."""

from __future__ import annotations

from pathlib import Path

from edgeadm.package.checksum import BESIDE, expect, parse_checksum
from edgeadm.package.errors import ChecksumMissingError, PackageNotFoundError, SourceError
from edgeadm.package.spec import Spec, parse_spec

# No real package is as large as this: 16 GiB.
MAX_BYTES = 16 << 30
GZIP = b"\x1f\x8b"


def open_source(spec: str, cache: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """A local file or directory with the package `spec`; downloads and conversions are cached in `cache`.

    `spec` is a file, a directory, or an http, https or ftp URL; an appended `#sha256=…`, or a file with the
    suffix `.sha256`, is verified. An interrupted download resumes; `max_bytes` limits its size. A package in
    upstream's layout requires `#sha256=…` and is converted to a package directory. Raises a PackageError
    (SourceError, ChecksumError, …) or DownloadError.
    """
    wanted = parse_spec(spec)
    if wanted.scheme:
        from edgeadm.package.download import download

        path, checked = download(wanted, cache, max_bytes)
    else:
        path, checked = _local(wanted)
    if path.is_dir() or not _is_gzip(path):
        return path
    if not wanted.sha256:
        raise ChecksumMissingError(
            f"{wanted.name} is in upstream's layout, which contains no checksums",
            hint=f"add a checksum that you trust: {wanted.shown}#sha256=…",
        )
    from edgeadm.package.upstream import convert

    return convert(path, checked, cache)


def _local(spec: Spec) -> tuple[Path, str]:
    path = Path(spec.place)
    if not path.exists():
        raise PackageNotFoundError(f"{path} does not exist", hint="check `--install-pkg-path`")
    if path.is_dir():
        if spec.sha256:
            raise SourceError(f"{path} is a directory, which has no sha256", hint="omit `#sha256=`")
        return path, ""
    if not path.is_file():
        raise PackageNotFoundError(f"{path} is neither a file nor a directory", hint="pass a package file")
    beside = path.with_name(path.name + BESIDE)
    sha256 = spec.sha256
    if not sha256 and beside.is_file():
        sha256 = parse_checksum(beside.read_text(encoding="utf-8", errors="replace"), path.name)
    if sha256:
        expect(path, sha256, shown=str(path))
    return path, sha256


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP
