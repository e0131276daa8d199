"""A question to a name server, and what comes back; the servers here are threads on the loopback."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from edgeadm.hosts.dial import connects
from edgeadm.hosts.dns import ask_address, parse, question

NAME = "kubernetes.default.svc.cluster.local"
Reply = Callable[[bytes], list[bytes]]


def answer(asked: bytes, *addresses: str, status: int = 0) -> bytes:
    """What a server says to a question: an alias before the addresses, names as pointers to the first one."""
    (number,) = struct.unpack_from(">H", asked)
    (kind,) = struct.unpack_from(">H", asked, len(asked) - 4)
    records = [b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 30, 2) + b"\xc0\x0c"]
    for each in addresses:
        data = ipaddress.ip_address(each).packed
        if len(data) == {1: 4, 28: 16}[kind]:
            records.append(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 30, len(data)) + data)
    head = struct.pack(">6H", number, 0x8180 | status, 1, len(records), 0, 0)
    return head + asked[12:] + b"".join(records)


@contextmanager
def server(reply: Reply) -> Iterator[int]:
    """Its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    asked, where = door.recvfrom(512)
                except OSError:
                    return
                if asked == b"end":
                    return
                for each in reply(asked):
                    door.sendto(each, where)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = door.getsockname()[1]
        yield port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.sendto(b"end", ("127.0.0.1", port))
        thread.join(5)


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        (("10.96.0.1",), ["10.96.0.1"]),
        (("10.96.0.1", "10.96.0.2", "fd00::1"), ["10.96.0.1", "10.96.0.2"]),
        (("fd00::1",), ["fd00::1"]),
        ((), []),
    ],
)
def test_the_addresses_of_a_name(addresses: tuple[str, ...], found: list[str]) -> None:
    with server(lambda asked: [answer(asked, *addresses)]) as port:
        assert ask_address("127.0.0.1", NAME, 5, port) == found


def test_no_such_name() -> None:
    with server(lambda asked: [answer(asked, status=3)]) as port:
        assert ask_address("127.0.0.1", NAME, 5, port) == []


def test_what_is_no_answer_to_our_question_is_passed_over() -> None:
    def reply(asked: bytes) -> list[bytes]:
        other = bytes([asked[0] ^ 1]) + asked[1:]
        good = answer(asked, "10.96.0.1")
        return [b"", b"?", asked, answer(other, "192.0.2.6"), good[:-2], good]

    with server(reply) as port:
        assert ask_address("127.0.0.1", NAME, 5, port) == ["10.96.0.1"]


def test_a_server_that_is_silent_or_not_there() -> None:
    with server(lambda _asked: []) as port:
        assert ask_address("127.0.0.1", NAME, 0.05, port) == []
    assert ask_address("127.0.0.1", NAME, 0.5, port) == []


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "ä.example"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|ascii"):
        question(1, name, 1)


def test_a_name_that_never_ends_is_no_answer() -> None:
    asked = question(7, NAME, 1)
    assert parse(struct.pack(">6H", 7, 0x8180, 1, 1, 0, 0) + b"\x3f" * 8, 7, 1) is None
    assert parse(answer(asked, "10.96.0.1"), 7, 1) == ["10.96.0.1"]


def test_who_takes_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        assert connects("127.0.0.1", port)
    assert not connects("127.0.0.1", port)
