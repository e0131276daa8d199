"""Checksums: read from a `.sha256` file, and compared with a package."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from edgeadm.package.errors import ChecksumError, SourceError
from edgeadm.package.manifest import SHA256

BESIDE = ".sha256"


def parse_checksum(text: str, name: str) -> str:
    """The hash for `name` in a `.sha256` file: a bare hash, or lines as sha256sum writes them.

    Raises SourceError if there is none.
    """
    for line in text.splitlines():
        words = line.split(maxsplit=1)
        if not words or not SHA256.fullmatch(words[0].lower()):
            continue
        if len(words) == 1 or re.sub(r"^[*]", "", words[1]).rpartition("/")[2] == name:
            return words[0].lower()
    raise SourceError(f"{name}{BESIDE} contains no sha256 for {name}", hint="create it with `sha256sum`")


def file_sha256(path: Path) -> str:
    """The file's sha256, read in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def expect(path: Path, sha256: str, *, shown: str) -> None:
    """Raises ChecksumError unless the file has this hash."""
    found = file_sha256(path)
    if found != sha256:
        raise ChecksumError(
            f"{shown} has sha256 {found}, expected {sha256}",
            hint=(
                "the file is damaged or not the expected one: download it again from the source of the "
                "checksum"
            ),
        )
