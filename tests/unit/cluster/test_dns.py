"""One question to a DNS server of the test's own."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from edgeadm.cluster.dns import NoDnsAnswerError, look_up

NAME = "kubernetes.default.svc.cluster.local"
Answer = Callable[[bytes], bytes | None]


@contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """A server on loopback that answers each question so; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    question, client = sock.recvfrom(4096)
                except OSError:
                    return
                if not question:
                    return
                found = answer(question)
                if found is not None:
                    sock.sendto(found, client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port: int = sock.getsockname()[1]
        try:
            yield port
        finally:
            sock.sendto(b"", ("127.0.0.1", port))
            thread.join()


def reply(question: bytes, *addresses: str, code: int = 0, alias: bool = False) -> bytes:
    """An answer with these addresses; the name is a pointer to the question's, as servers write it."""
    records = [b"\xc0\x0c" + struct.pack(">2HIH", 5, 1, 30, 2) + b"\xc0\x0c"] if alias else []
    for each in addresses:
        data = ipaddress.ip_address(each).packed
        kind = 1 if len(data) == 4 else 28
        records.append(b"\xc0\x0c" + struct.pack(">2HIH", kind, 1, 30, len(data)) + data)
    head = question[:2] + struct.pack(">5H", 0x8580 | code, 1, len(records), 0, 0)
    return head + question[12:] + b"".join(records)


def test_the_question_is_the_name_and_the_answer_its_addresses() -> None:
    asked: list[bytes] = []

    def answer(question: bytes) -> bytes:
        asked.append(question)
        return reply(question, "10.96.0.1", "10.96.0.2")

    with serving(answer) as port:
        assert look_up("127.0.0.1", NAME, port=port, timeout=2) == ("10.96.0.1", "10.96.0.2")
    name = b"".join(bytes([len(each)]) + each.encode() for each in NAME.split(".")) + b"\0"
    assert asked[0][12:] == name + struct.pack(">2H", 1, 1)


def test_ipv6_and_aliases() -> None:
    with serving(lambda question: reply(question, "10.96.0.1", "fd00::1", alias=True)) as port:
        assert look_up("127.0.0.1", NAME + ".", ipv6=True, port=port, timeout=2) == ("fd00::1",)
        assert look_up("127.0.0.1", NAME, port=port, timeout=2) == ("10.96.0.1",)


def test_a_datagram_that_is_lost_is_sent_again() -> None:
    seen: list[bytes] = []

    def answer(question: bytes) -> bytes | None:
        seen.append(question)
        return reply(question, "10.96.0.1") if len(seen) > 1 else None

    with serving(answer) as port:
        assert look_up("127.0.0.1", NAME, port=port, timeout=0.3) == ("10.96.0.1",)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _: None, "no answer within"),
        (lambda question: reply(question, code=2), "it failed"),
        (lambda question: reply(question, code=3), "there is no such name"),
        (lambda question: reply(question, code=9), "its code is 9"),
        (lambda question: reply(question), "knows no address"),
        (lambda question: reply(question, "10.96.0.1")[:-2], "knows no address|does not speak DNS"),
        (lambda question: question[:5], "does not speak DNS"),
        (lambda question: b"xx" + reply(question, "10.96.0.1")[2:], "no answer within"),
    ],
)
def test_every_way_to_have_no_answer_says_which(answer: Answer, words: str) -> None:
    with serving(answer) as port, pytest.raises(NoDnsAnswerError, match=words):
        look_up("127.0.0.1", NAME, port=port, timeout=0.1)


def test_a_port_where_nobody_listens_is_told_at_once() -> None:
    with serving(lambda _: None) as port:
        pass
    with pytest.raises(NoDnsAnswerError, match="refused"):
        look_up("127.0.0.1", NAME, port=port, timeout=5)
