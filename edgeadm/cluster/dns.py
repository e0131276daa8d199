"""One question to one DNS server, without the system's resolver: which addresses does a name have there?"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct

from edgeadm.errors import UnreachableError

PORT = 53
TIMEOUT = 2.0
TRIES = 3
A, AAAA = 1, 28
LENGTHS = {A: 4, AAAA: 16}
INTERNET = 1
WANTS_RECURSION = 0x0100
MOST = 4096
CODES = {1: "it did not understand the question", 2: "it failed", 3: "there is no such name", 5: "it refuses"}


class NoDnsAnswerError(UnreachableError):
    """A DNS server does not answer, or knows no address of the name."""

    code = "no-dns-answer"


def look_up(
    server: str, name: str, *, ipv6: bool = False, port: int = PORT, timeout: float = TIMEOUT
) -> tuple[str, ...]:
    """The addresses of the name, from this server alone. Raises NoDnsAnswerError."""
    kind, number = AAAA if ipv6 else A, secrets.randbelow(1 << 16)
    question = struct.pack(">6H", number, WANTS_RECURSION, 1, 0, 0, 0)
    question += _encoded(name) + struct.pack(">2H", kind, INTERNET)
    try:
        return _found(_exchange(server, port, question, timeout), kind)
    except (struct.error, IndexError, ValueError) as error:
        raise NoDnsAnswerError(f"{server} port {port} does not speak DNS") from error


def _exchange(server: str, port: int, question: bytes, timeout: float) -> bytes:
    """The answer to the question, asked a few times: datagrams may be lost."""
    reason = f"no answer within {timeout * TRIES:g} s"
    for _ in range(TRIES):
        try:
            family, kind, _, _, address = socket.getaddrinfo(server, port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as sock:
                sock.settimeout(timeout)
                sock.connect(address)
                sock.send(question)
                answer = sock.recv(MOST)
        except TimeoutError:
            continue
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        if answer[:2] == question[:2]:
            return answer
    raise NoDnsAnswerError(f"{server} port {port}: {reason}")


def _found(answer: bytes, kind: int) -> tuple[str, ...]:
    _, flags, questions, answers, _, _ = struct.unpack(">6H", answer[:12])
    if code := flags & 0xF:
        raise NoDnsAnswerError(f"the DNS server says that {CODES.get(code, f'its code is {code}')}")
    at = 12
    for _ in range(questions):
        at = _after_name(answer, at) + 4
    found = []
    for _ in range(answers):
        at = _after_name(answer, at)
        given, _, _, length = struct.unpack(">2HIH", answer[at : at + 10])
        data, at = answer[at + 10 : at + 10 + length], at + 10 + length
        if given == kind and length == LENGTHS[kind]:
            found.append(str(ipaddress.ip_address(data)))
    if not found:
        raise NoDnsAnswerError("the DNS server knows no address of that name")
    return tuple(found)


def _encoded(name: str) -> bytes:
    labels = [label.encode() for label in name.strip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _after_name(answer: bytes, at: int) -> int:
    """Where the name that begins here ends: at its empty label, or at a pointer to one that came before."""
    while answer[at]:
        if answer[at] >= 0xC0:
            return at + 2
        at += answer[at] + 1
    return at + 1
