"""A server for chunks on a LAN."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeadm.fleet.chunks import Piece, piece_of
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.lan import REQUEST_BYTES, Server, table
from edgeadm.fleet.model import Machine
from edgeadm.fleet.share import lan_address
from edgeadm.hosts.ssh.target import Target


@pytest.fixture
def piece(tmp_path: Path) -> Piece:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 10)
    return piece_of(path, 1000)


@pytest.fixture
def port(piece: Piece) -> Iterator[int]:
    stop = threading.Event()
    server = Server(
        table([piece.path], 1000), "127.0.0.1", 1.0, 1.0, now=lambda: 9.0 if stop.is_set() else 0.0
    )
    with server.open() as listener:
        thread = threading.Thread(target=server.run, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        stop.set()
        thread.join()


def asked(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_chunk_is_served_by_its_name(port: int, piece: Piece) -> None:
    data = piece.path.read_bytes()
    for chunk in piece.chunks:
        assert asked(port, f"{chunk.name}\n".encode()) == data[chunk.offset : chunk.offset + chunk.size]


@pytest.mark.parametrize(
    "request_line",
    [
        b"\n",
        b"../../../../etc/passwd\n",
        b"/etc/passwd\n",
        b"\xff\xfe\n",
        b"0" * 64 + b".10\n",
        b"0" * (REQUEST_BYTES * 4),
        b"",
        b"no line break",
    ],
)
def test_nothing_else_is_served(port: int, request_line: bytes) -> None:
    try:
        assert asked(port, request_line) == b""
    except OSError:
        return  # the server closed the connection before it read everything


def test_the_server_ends_when_it_is_idle() -> None:
    times = iter([0.0, 0.0, 0.0, 5.0, 5.0])
    server = Server({}, "127.0.0.1", 3.0, 100.0, now=lambda: next(times))
    with server.open() as listener:
        listener.settimeout(0.0001)
        server.run(listener)


@pytest.mark.parametrize(
    ("reached", "wanted"),
    [("10.0.0.2", "10.0.0.2"), ("203.0.113.7", "10.0.0.1"), ("host.example", "10.0.0.1")],
)
def test_the_address_of_the_lan_is_one_of_the_machine(reached: str, wanted: str) -> None:
    facts = Facts("a", "amd64", addresses={"eth0": ("10.0.0.1",), "eth1": ("10.0.0.2",)})
    assert lan_address(Machine("a", Target(reached)), facts) == wanted
    assert lan_address(Machine("a", Target(reached)), Facts("a", "amd64")) == ""
