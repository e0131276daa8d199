"""A query to one DNS server, without this host's own resolver and its caches."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time
from collections.abc import Iterator

PORT = 53
TIMEOUT = 2.0
TYPES = {1: 4, 28: 16}  # A and AAAA, with the length of an address
RECURSE = 0x0100
IS_ANSWER, STATUS = 0x8000, 0x000F
POINTER = 0xC0  # such a byte begins a compression pointer instead of a label
LONGEST = 63


def ask_address(server: str, name: str, timeout: float = TIMEOUT, port: int = PORT) -> list[str]:
    """The addresses of the name, IPv4 before IPv6; empty if the server does not respond in time, refuses, or
    has no such name. Raises ValueError for an invalid name."""
    end = time.monotonic() + timeout
    for kind in TYPES:
        found = _ask((server, port), name, kind, end)
        if found is None:
            return []  # no response: the query for the other type would fail, too
        if found:
            return found
    return []


def _ask(server: tuple[str, int], name: str, kind: int, end: float) -> list[str] | None:
    """The response, or None after the time-out."""
    number = secrets.randbelow(1 << 16)
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    try:
        # Connected, so that the socket receives only this server's datagrams, and its ICMP errors.
        with socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect(server)
            way.send(question(number, name, kind))
            while (left := end - time.monotonic()) > 0:
                way.settimeout(left)
                found = parse(way.recv(4096), number, kind)
                if found is not None:
                    return found
    except OSError:
        pass
    return None


def question(number: int, name: str, kind: int) -> bytes:
    """The query for the name's addresses of this type. Raises ValueError for an invalid name."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) <= LONGEST for label in labels):
        raise ValueError(f"`{name}` is not a domain name")
    words = b"".join(bytes([len(label)]) + label for label in labels)
    return struct.pack(">6H", number, RECURSE, 1, 0, 0, 0) + words + b"\0" + struct.pack(">2H", kind, 1)


def parse(data: bytes, number: int, kind: int) -> list[str] | None:
    """The addresses in the response to the query with this number, or None if it does not match."""
    try:
        told, flags, questions, answers = struct.unpack_from(">4H", data)
        if told != number or not flags & IS_ANSWER:
            return None
        if flags & STATUS:
            return []
        return list(_addresses(data, questions, answers, kind))
    except (struct.error, IndexError, ValueError):
        return None


def _addresses(data: bytes, questions: int, answers: int, kind: int) -> Iterator[str]:
    at = 12
    for _ in range(questions):
        at = _after_name(data, at) + 4
    for _ in range(answers):
        at = _after_name(data, at)
        told, _, _, length = struct.unpack_from(">HHIH", data, at)
        at += 10
        if told == kind and length == TYPES[kind]:
            yield str(ipaddress.ip_address(data[at : at + length]))
        at += length


def _after_name(data: bytes, at: int) -> int:
    """The offset after the name that starts there."""
    while data[at]:
        if data[at] >= POINTER:
            return at + 2
        at += data[at] + 1
    return at + 1
