"""Host keys that edgeadm accepted: one file, written by many threads and processes."""

from __future__ import annotations

import base64
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm.hosts.ssh.errors import HostKeyFileError
from edgeadm.hosts.ssh.known_hosts import KnownHosts, kind_of, parse_line, stamp_of


@dataclass
class Files:
    """The parsed known_hosts files of this process, read again when they change."""

    _lock: threading.RLock = field(default_factory=threading.RLock)
    _known: dict[Path, KnownHosts] = field(default_factory=dict)
    # Accepted without a file, and names whose key was replaced once.
    _memory: dict[str, bytes] = field(default_factory=dict)
    _replaced: set[tuple[Path | None, str]] = field(default_factory=set)

    def of(self, path: Path) -> KnownHosts:
        """The entries of the file."""
        path = path.expanduser()
        with self._lock:
            known = self._known.get(path)
            if known is None or known.stamp != stamp_of(path):
                known = self._known[path] = KnownHosts.load(path)
            return known

    def remembered(self, name: str) -> bytes | None:
        """The key that this process accepted without a file."""
        return self._memory.get(name)

    def learn(self, path: Path | None, name: str, blob: bytes) -> None:
        """Add a key. One write of a complete line to a file opened for appending is atomic."""
        with self._lock:
            if path is None:
                self._memory[name] = blob
                return
            known = self.of(path)
            path = path.expanduser()
            line = _line(name, blob)
            with _locked(path):
                _append(path, line)
            entry = parse_line(line, str(path))
            if entry is not None:
                known.add(entry)
            known.stamp = stamp_of(path)

    def replace(self, path: Path | None, name: str, blob: bytes) -> bool:
        """Replace the keys of a name. False if this process replaced them before."""
        with self._lock:
            if (path, name) in self._replaced:
                return False
            self._replaced.add((path, name))
            if path is not None:
                self._forget(path.expanduser(), name)
            self.learn(path, name, blob)
            return True

    def _forget(self, path: Path, name: str) -> None:
        with _locked(path):
            if stamp_of(path) is None:
                return
            kept = [line for line in path.read_text(errors="replace").splitlines() if not _names(line, name)]
            beside = path.with_name(f".{path.name}.edgeadm")
            beside.unlink(missing_ok=True)
            _append(beside, "".join(f"{line}\n" for line in kept))
            beside.replace(path)


def _names(line: str, name: str) -> bool:
    """Whether the line is a key, not a marker, of exactly this name."""
    entry = parse_line(line)
    if entry is None or entry.marker:
        return False
    one = KnownHosts(Path())
    one.add(entry)
    return not one.patterns and any(True for _ in one.find(name))


def _line(name: str, blob: bytes) -> str:
    return f"{name} {kind_of(blob)} {base64.b64encode(blob).decode()}\n"


def _append(path: Path, text: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as out:
            out.write(text.encode())
    except OSError as error:
        raise HostKeyFileError(f"{path} cannot be written", context=str(error)) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Other processes of edgeadm wait."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostKeyFileError(f"{path} cannot be written", context=str(error)) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
