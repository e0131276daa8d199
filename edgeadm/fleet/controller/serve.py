"""The HTTP server of the controller: probes for kubelet, and files for Jobs on proxy nodes.

Files are named by their sha256, and contain nothing secret: parts of the offline package. Requests come from
the API server, which checks the permission of the Job to use the Service.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILE = re.compile(r"/files/([0-9a-f]{64})")
RANGE = re.compile(r"bytes=([0-9]{1,15})-")
TIMEOUT = 60


@dataclass
class Files:
    """The files that are served, by their sha256. `wanted` is called if another file is requested: a replica
    prepares its files when they are needed."""

    wanted: Callable[[], None] = lambda: None
    _paths: dict[str, Path] = field(default_factory=dict)

    def add(self, sha256: str, path: Path) -> None:
        """Serve this file."""
        self._paths[sha256] = path

    def path(self, sha256: str) -> Path | None:
        """The path of a file."""
        return self._paths.get(sha256)


class Server(ThreadingHTTPServer):
    """Serves in threads. `healthy` and `ready` answer the probes."""

    daemon_threads = True

    def __init__(
        self, port: int, files: Files, healthy: Callable[[], bool], ready: Callable[[], bool], host: str = ""
    ) -> None:
        self.files, self.healthy, self.ready = files, healthy, ready
        super().__init__((host, port), Handler)

    def begin(self) -> None:
        """Serve until the process ends."""
        threading.Thread(target=self.serve_forever, name="http", daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that closed its connection is no error."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET requests."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT

    def do_GET(self) -> None:
        """Answer a probe, or send a file from the requested offset on."""
        if self.path in ("/healthz", "/readyz"):
            good = self.server.healthy() if self.path == "/healthz" else self.server.ready()
            self._short(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)
            return
        found = FILE.fullmatch(self.path)
        path = self.server.files.path(found[1]) if found else None
        if path is None:
            if found:
                self.server.files.wanted()
            self._short(HTTPStatus.NOT_FOUND)
        else:
            self._send(path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as in http.server
        """Requests are not logged."""

    def _send(self, path: Path) -> None:
        with path.open("rb") as file:
            size = path.stat().st_size
            wanted = RANGE.fullmatch(self.headers.get("Range", ""))
            start = int(wanted[1]) if wanted else 0
            if start > size:
                self._short(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                return
            self.send_response(HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(size - start))
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{max(start, size - 1)}/{size}")
            self.end_headers()
            file.seek(start)
            shutil.copyfileobj(file, self.wfile, 1 << 18)

    def _short(self, status: HTTPStatus) -> None:
        body = f"{status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
