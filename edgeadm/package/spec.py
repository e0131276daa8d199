"""Parses the location of a package: a path or a URL, optionally with a checksum."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgeadm.package.errors import SourceError
from edgeadm.package.manifest import SHA256

REMOTE = ("http", "https", "ftp")
MAX_NAME = 200


@dataclass(frozen=True)
class Spec:
    """A parsed location: the path or URL, its scheme (empty for a path), and the sha256 after `#`, if any."""

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
        """The location for messages: without the password of a URL."""
        return re.sub(r"^(\w+://)[^/]*@", r"\1***@", self.place)


def parse_spec(text: str) -> Spec:
    """A path or URL, and its checksum. Raises SourceError."""
    place, _, fragment = text.partition("#sha256=")
    checksum = fragment.lower()
    if "#sha256=" in text and not SHA256.fullmatch(checksum):
        raise SourceError(
            f"{fragment!r} is not a sha256", hint="use `#sha256=` followed by 64 hexadecimal digits"
        )
    scheme = place.partition("://")[0].lower() if "://" in place else ""
    if scheme == "file":
        return Spec(unquote(urlsplit(place).path), "", checksum)
    if scheme and scheme not in REMOTE:
        raise SourceError(
            f"packages cannot be downloaded from {scheme}:// URLs",
            hint="pass a path, or a URL with http://, https:// or ftp://",
        )
    if not place:
        raise SourceError("no package given", hint="pass a path, or a URL with http://, https:// or ftp://")
    return Spec(place, scheme, checksum)
