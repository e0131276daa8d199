"""Where a package comes from: a path or an address, with or without its checksum, becomes a local path."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgeadm.package.errors import (
    ChecksumError,
    ChecksumMissingError,
    PackageNotFoundError,
    SourceError,
)
from edgeadm.package.manifest import SHA256

# No true package comes near this: 16 GiB.
MAX_BYTES = 16 << 30
REMOTE = ("http", "https", "ftp")
BESIDE = ".sha256"
MAX_NAME = 200
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Spec:
    """What a user wrote: the place, its scheme (empty for a path), and the sha256 after `#`, if any."""

    place: str
    scheme: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        if not self.scheme:
            return Path(self.place).name or "package"
        last = unquote(urlsplit(self.place).path).rpartition("/")[2]
        plain = re.sub(r"[^\w.+-]", "_", last)[-MAX_NAME:]
        return plain if plain.strip(".") else "package"

    @property
    def shown(self) -> str:
        """The place as messages show it: without the password that an address may hold."""
        return re.sub(r"^(\w+://)[^/]*@", r"\1***@", self.place)


def parse_spec(text: str) -> Spec:
    """A path or address, and the checksum behind it. Raises SourceError."""
    place, _, fragment = text.partition("#sha256=")
    checksum = fragment.lower()
    if "#sha256=" in text and not SHA256.fullmatch(checksum):
        raise SourceError(
            f"{fragment!r} is not a sha256", hint="write `#sha256=` and the 64 hexadecimal digits behind it"
        )
    scheme = place.partition("://")[0].lower() if "://" in place else ""
    if scheme == "file":
        return Spec(unquote(urlsplit(place).path), "", checksum)
    if scheme and scheme not in REMOTE:
        raise SourceError(
            f"packages are not fetched by {scheme}://", hint="give a path, or http://, https:// or ftp://"
        )
    if not place:
        raise SourceError("no package is named", hint="give a path, or http://, https:// or ftp://")
    return Spec(place, scheme, checksum)


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
            f"{wanted.name} is in upstream's layout, which says nothing about its contents",
            hint=f"name the checksum that you trust: {wanted.shown}#sha256=…",
        )
    from edgeadm.package.upstream import convert

    return convert(path, checked, cache)


def parse_checksum(text: str, name: str) -> str:
    """The hash for `name` in the words of a `.sha256` file: a bare hash, or lines as sha256sum writes them.

    Raises SourceError where there is none."""
    for line in text.splitlines():
        words = line.split(maxsplit=1)
        if not words or not SHA256.fullmatch(words[0].lower()):
            continue
        if len(words) == 1 or re.sub(r"^[*]", "", words[1]).rpartition("/")[2] == name:
            return words[0].lower()
    raise SourceError(f"{name}{BESIDE} holds no sha256 for {name}", hint="write it with `sha256sum`")


def file_sha256(path: Path) -> str:
    """The file's sha256, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def expect(path: Path, sha256: str, *, shown: str) -> None:
    """Raises ChecksumError unless the file has this hash."""
    found = file_sha256(path)
    if found != sha256:
        raise ChecksumError(
            f"{shown} has sha256 {found}, and {sha256} was given",
            hint="the file is damaged or is another one: get it again from where the checksum comes from",
        )


def _local(spec: Spec) -> tuple[Path, str]:
    path = Path(spec.place)
    if not path.exists():
        raise PackageNotFoundError(f"{path} does not exist", hint="look at `--install-pkg-path`")
    if path.is_dir():
        if spec.sha256:
            raise SourceError(f"{path} is a folder, which has no sha256", hint="leave `#sha256=` away")
        return path, ""
    if not path.is_file():
        raise PackageNotFoundError(f"{path} is neither a file nor a folder", hint="give a package file")
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
