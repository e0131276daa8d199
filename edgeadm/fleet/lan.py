"""Serves the loaded files to the machines of a site, by the hash of their chunks.

A client sends the name of a chunk and a line break, the server sends its bytes and closes the connection.
Names are looked up in a table, never in the file system. Clients verify the bytes.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeadm.fleet.chunks import NAME, SIZE

REQUEST_BYTES = 128
CONNECTIONS = 16
# Seconds that one connection may take.
PATIENCE = 60.0


@dataclass(frozen=True)
class Place:
    """The position of a chunk."""

    path: Path
    offset: int
    size: int


def table(files: Iterable[Path], size: int = SIZE) -> Mapping[str, Place]:
    """All chunks of these files, by name."""
    found: dict[str, Place] = {}
    for path in files:
        with path.open("rb") as file:
            offset = 0
            while data := file.read(size):
                found[f"{hashlib.sha256(data).hexdigest()}.{len(data)}"] = Place(path, offset, len(data))
                offset += len(data)
    return found


@dataclass
class Server:
    """A server for chunks. `idle` is the number of seconds without a connection after which it ends, `life`
    the number of seconds after which it ends in any case."""

    chunks: Mapping[str, Place]
    address: str
    idle: float
    life: float
    now: Callable[[], float] = time.monotonic

    def open(self) -> socket.socket:
        """Listen on a free port of the address."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        listener = socket.create_server((self.address, 0), family=family, backlog=CONNECTIONS)
        listener.settimeout(1.0)
        return listener

    def run(self, listener: socket.socket) -> None:
        """Serve until the server was idle for too long."""
        free = threading.BoundedSemaphore(CONNECTIONS)
        began = last = self.now()
        while self.now() - last < self.idle and self.now() - began < self.life:
            if not free.acquire(timeout=1.0):
                continue
            try:
                connection = listener.accept()[0]
            except TimeoutError:
                free.release()
                continue
            last = self.now()
            threading.Thread(target=self._serve, args=(connection, free), daemon=True).start()

    def _serve(self, connection: socket.socket, free: threading.BoundedSemaphore) -> None:
        try:
            with connection, suppress(OSError):
                connection.settimeout(PATIENCE)
                self.answer(connection)
        finally:
            free.release()

    def answer(self, connection: socket.socket) -> None:
        """Read one name, and send its chunk; nothing for an unknown one."""
        request = b""
        while not request.endswith(b"\n") and len(request) < REQUEST_BYTES:
            data = connection.recv(REQUEST_BYTES - len(request))
            if not data:
                return
            request += data
        name = request.decode("ascii", "replace").rstrip("\n")
        place = self.chunks.get(name) if NAME.fullmatch(name) else None
        if place is not None:
            with place.path.open("rb") as file:
                connection.sendfile(file, place.offset, place.size)
