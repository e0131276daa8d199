"""Servers on 127.0.0.1 for downloads: HTTP with ranges, and FTP. Both can hang up after some bytes."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Files:
    """What a server has. `cut_after` makes it hang up after so many bytes, once per entry in the list."""

    files: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"one"'
    ranges: bool = True
    length: bool = True
    cut_after: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def http_server(files: Files) -> Iterator[str]:
    """The address of a running HTTP server, without a slash at its end."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.files.get(self.path)
            files.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
            files.logins.append(self.headers.get("Authorization", ""))
            if data is None:
                self.send_error(404)
                return
            start = self._start() if files.ranges else 0
            if start and start >= len(data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if files.etag:
                self.send_header("ETag", files.etag)
            if files.length:
                self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(
                data[start : start + files.cut_after.pop(0)] if files.cut_after else data[start:]
            )

        def _start(self) -> int:
            if self.headers.get("If-Range") != files.etag:
                return 0
            return int(self.headers.get("Range", "bytes=0-")[6:-1])

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    with _running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def ftp_server(files: Files) -> Iterator[str]:
    """The address of a running FTP server, without a slash at its end."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            start = 0
            door = socket.create_server(("127.0.0.1", 0))
            with door:
                self._say("220 ready")
                for raw in self.rfile:
                    verb, _, rest = raw.decode().strip().partition(" ")
                    if verb != "QUIT":  # a farewell asks for nothing, and comes when it comes
                        files.asked.append(f"{verb} {rest}".strip())
                    if verb == "REST":
                        start = int(rest)
                    if verb == "RETR":
                        self._send(door, rest, start)
                    else:
                        self._say(self._answer(verb, rest, door))
                    if verb == "QUIT":
                        return

        def _answer(self, verb: str, rest: str, door: socket.socket) -> str:
            data = files.files.get(rest)
            known = {
                "USER": "331 password",
                "PASS": "230 in",
                "TYPE": "200 binary",
                "REST": "350 go on",
                "EPSV": f"229 entering (|||{door.getsockname()[1]}|)",
                "PASV": f"227 (127,0,0,1,{door.getsockname()[1] >> 8},{door.getsockname()[1] & 255})",
                "QUIT": "221 bye",
                "SIZE": f"213 {len(data)}" if data is not None else "550 no such file",
                "MDTM": "213 20260101000000" if files.etag else "502 unknown",
            }
            return known.get(verb, "502 unknown")

        def _send(self, door: socket.socket, path: str, start: int) -> None:
            self._say("150 here it comes")
            data = files.files[path][start:]
            connection, _ = door.accept()
            with connection:
                connection.sendall(data[: files.cut_after.pop(0)] if files.cut_after else data)
            self._say("226 done")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with _running(Server(("127.0.0.1", 0), Handler)) as port:
        yield f"ftp://127.0.0.1:{port}"


@contextmanager
def _running(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
