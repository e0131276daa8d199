"""known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): parsed once, with an index of the names."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm.hosts.ssh.errors import HostKeyFileError

CA = "@cert-authority"
REVOKED = "@revoked"
PORT = 22


@dataclass(frozen=True)
class Entry:
    """One line: marker, names as they are written, and the key."""

    marker: str
    names: tuple[str, ...]
    kind: str
    blob: bytes
    source: str = ""


def fingerprint(blob: bytes) -> str:
    """`SHA256:…`, as ssh-keygen prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def kind_of(blob: bytes) -> str:
    """The type of a key in the format of SSH: its first string."""
    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length].decode("ascii", "replace")


def parse_key(text: str) -> bytes:
    """The key of a text `TYPE BASE64 …` or `BASE64`. Raises ValueError."""
    words = text.split()
    try:
        blob = base64.b64decode(words[1] if len(words) > 1 else words[0], validate=True)
    except (IndexError, binascii.Error) as error:
        raise ValueError("not a public key") from error
    if len(words) > 1 and kind_of(blob) != words[0]:
        raise ValueError("the type of the key differs from its content")
    return blob


def full_name(host: str, port: int) -> str:
    """The name in the file: HOST, or [HOST]:PORT for another port than 22."""
    return host if port == PORT else f"[{host}]:{port}"


@dataclass
class KnownHosts:
    """The entries of one file. Lines that are not understood are ignored, as ssh does."""

    path: Path
    plain: dict[str, list[Entry]] = field(default_factory=dict)
    hashed: list[tuple[bytes, bytes, Entry]] = field(default_factory=list)
    patterns: list[Entry] = field(default_factory=list)
    stamp: tuple[int, int, int] | None = None

    @classmethod
    def load(cls, path: Path) -> KnownHosts:
        """Raises HostKeyFileError if the file exists and cannot be read."""
        known = cls(path, stamp=stamp_of(path))
        if known.stamp is None:
            return known
        try:
            text = path.read_text(errors="replace")
        except OSError as error:
            raise HostKeyFileError(f"{path} cannot be read", context=str(error)) from error
        for line in text.splitlines():
            if (entry := parse_line(line, str(path))) is not None:
                known.add(entry)
        return known

    def add(self, entry: Entry) -> None:
        """Add an entry to the index."""
        if any(char in name for name in entry.names for char in "*?!"):
            self.patterns.append(entry)
            return
        for name in entry.names:
            if name.startswith("|1|"):
                salt, digest = _hash_parts(name)
                self.hashed.append((salt, digest, entry))
            else:
                self.plain.setdefault(name.lower(), []).append(entry)

    def remove(self, name: str) -> None:
        """Remove the keys, not the markers, of this name from the index."""
        self.plain[name.lower()] = [each for each in self.plain.get(name.lower(), ()) if each.marker]
        self.hashed = [
            each for each in self.hashed if each[2].marker or not _hash_fits(each[0], each[1], name)
        ]

    def find(self, name: str) -> Iterator[Entry]:
        """The entries for this name."""
        yield from self.plain.get(name.lower(), ())
        for salt, digest, entry in self.hashed:
            if _hash_fits(salt, digest, name):
                yield entry
        for entry in self.patterns:
            if matches(name, entry.names):
                yield entry


def parse_line(line: str, source: str = "") -> Entry | None:
    """The entry of a line; None for comments and invalid lines."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3 or marker not in ("", CA, REVOKED):
        return None
    names, kind, key = words[:3]
    try:
        blob = parse_key(f"{kind} {key}")
    except ValueError:
        return None
    return Entry(marker, tuple(each for each in names.split(",") if each), kind, blob, source)


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether the name fits a list with `*`, `?` and `!` for exceptions, as ssh_config(5) describes it."""
    fits = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _glob(pattern.lstrip("!").lower()).fullmatch(name.lower()):
            if negated:
                return False
            fits = True
    return fits


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """A value that changes with the file; None if there is no file."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HostKeyFileError(f"{path} cannot be read", context=str(error)) from error
    return found.st_ino, found.st_size, found.st_mtime_ns


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern))


def _hash_parts(name: str) -> tuple[bytes, bytes]:
    try:
        salt, digest = name.removeprefix("|1|").split("|")
        return base64.b64decode(salt), base64.b64decode(digest)
    except (ValueError, binascii.Error):
        return b"", b""


def _hash_fits(salt: bytes, digest: bytes, name: str) -> bool:
    return bool(salt) and hmac.digest(salt, name.lower().encode(), "sha1") == digest
