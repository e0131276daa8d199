"""Downloads by FTP."""

from __future__ import annotations

import ftplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from edgeadm.package.errors import DownloadError
from edgeadm.package.transfer import CHUNK, Answer

# Read time-out in seconds.
TIMEOUT = 60


@contextmanager
def fetch(url: str, *, offset: int = 0, mark: str = "", missing_ok: bool = False) -> Iterator[Answer | None]:
    """Request a file; see `transfer.Fetch`. The mark is the file's size and modification time."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    # The user chose FTP; the content is verified byte by byte.
    with ftplib.FTP(timeout=TIMEOUT) as server:  # noqa: S321
        try:
            server.connect(parts.hostname or "", parts.port or ftplib.FTP_PORT)
            server.login(unquote(parts.username or "anonymous"), unquote(parts.password or "edgeadm@"))
            server.voidcmd("TYPE I")
            total = server.size(path)
            now = f"{total} {_changed(server, path)}"
            start = offset if offset and mark == now else 0
            if start and start == total:
                yield Answer(start, total, now, iter(()), unchanged=True)
                return
            data = server.transfercmd(f"RETR {path}", start or None)
        except ftplib.error_perm as error:
            if missing_ok:
                yield None
                return
            raise DownloadError(f"the server responded {error} for {path}", hint="check the URL") from error
        except ftplib.Error as error:
            raise ConnectionError(str(error)) from error
        with data:
            yield Answer(start, total, now, _chunks(data))


def _changed(server: ftplib.FTP, path: str) -> str:
    try:
        return server.sendcmd(f"MDTM {path}").partition(" ")[2]
    except ftplib.error_perm:
        return ""  # old servers do not support the command: only the size is compared


def _chunks(data: socket.socket) -> Iterator[bytes]:
    while chunk := data.recv(CHUNK):
        yield chunk
