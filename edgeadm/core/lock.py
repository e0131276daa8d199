"""One edgeadm at a time on a host."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeadm.errors import LockedError

PATH = Path("/run/edgeadm.lock")


@contextmanager
def lock(command: str, path: Path = PATH) -> Iterator[None]:
    """Hold the host's lock; the file is gone afterwards. A holder that died releases it by dying.

    Raises LockedError with the holder's pid and command."""
    fd = _take(path, command)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(fd)


def _take(path: Path, command: str) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 4096).decode(errors="replace").strip()
            os.close(fd)
            raise LockedError(
                "another edgeadm process is running on this host",
                context=holder,
                hint="wait until it has finished; two runs would overwrite each other's changes",
            ) from None
        # The file may have been unlinked by the holder we waited for: then our lock is on nothing.
        try:
            same = os.stat(path).st_ino == os.fstat(fd).st_ino  # noqa: PTH116
        except FileNotFoundError:
            same = False
        if same:
            os.truncate(fd, 0)
            os.write(fd, f"pid {os.getpid()}: {command}\n".encode())
            return fd
        os.close(fd)
