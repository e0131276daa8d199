"""SSH servers in this process, for logins that a real sshd offers only with accounts of the host, and servers
that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import paramiko

Serve = Callable[[socket.socket], None]


@contextmanager
def listening(serve: Serve, address: str = "127.0.0.1") -> Iterator[int]:
    """A TCP server that gives each connection to `serve`, in a thread; yields its port."""
    listener = socket.create_server((address, 0))
    held: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                held.append(connection)
                threading.Thread(target=_quietly, args=(serve, connection), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in held:
            connection.close()
        thread.join()


def _quietly(serve: Serve, connection: socket.socket) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):
        serve(connection)


def silent(_connection: socket.socket) -> None:
    """Accepts the connection and sends nothing."""


def garbage(connection: socket.socket) -> None:
    """Answers another protocol."""
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    connection.close()


def endless(connection: socket.socket) -> None:
    """A banner that never ends."""
    while True:
        connection.sendall(b"x" * 65536)


def huge_packet(connection: socket.socket) -> None:
    """A packet that claims to have 4 GiB."""
    connection.sendall(b"SSH-2.0-huge\r\n" + b"\xff\xff\xff\xf0" + b"\0" * 100)


def ends(connection: socket.socket) -> None:
    """As sshd does beyond MaxStartups."""
    connection.close()


@dataclass
class PasswordServer(paramiko.ServerInterface):
    """Accepts this password by one method, and runs no command. `stalls` never answers a login."""

    password: str = "pa55"
    method: str = "password"
    first: str = ""
    stalls: bool = False
    key: Any = field(default_factory=lambda: paramiko.ECDSAKey.generate())
    seen: list[str] = field(default_factory=list)
    never: threading.Event = field(default_factory=threading.Event)

    def __call__(self, connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(self.key)
        transport.start_server(server=self)
        transport.accept(30)

    def get_allowed_auths(self, username: str) -> str:
        return self.method

    def check_auth_password(self, username: str, password: str) -> int:
        self.seen.append("password")
        if self.stalls:
            self.never.wait()
        right = password == self.password and self.method == "password"
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        self.seen.append("keyboard-interactive")
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return paramiko.AUTH_SUCCESSFUL if responses == [self.password] else paramiko.AUTH_FAILED
