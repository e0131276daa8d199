"""Where a package comes from: a path or an address, with or without its checksum, becomes a local path."""

from __future__ import annotations

from pathlib import Path

from edgeadm.package.checksum import BESIDE, expect, parse_checksum
from edgeadm.package.errors import ChecksumMissingError, PackageNotFoundError, SourceError
from edgeadm.package.spec import Spec, parse_spec

# No true package comes near this: 16 GiB.
MAX_BYTES = 16 << 30
GZIP = b"\x1f\x8b"


def open_source(spec: str, cache: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """A local file or folder that holds what `spec` names; downloads and conversions are kept in `cache`.

    `spec` is a file, a folder, or an http, https or ftp address; `#sha256=…` behind it, or a file of the same
    name with `.sha256` beside it, is checked. A download that was cut off goes on where it stopped; it may
    have `max_bytes` at most. A package in upstream's layout needs `#sha256=…` and becomes a package folder.
    Raises a PackageError (SourceError, ChecksumError, …) or DownloadError."""
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
