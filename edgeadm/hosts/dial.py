"""Tests whether an address accepts TCP connections from this host."""

from __future__ import annotations

import socket

TIMEOUT = 1.5


def connects(address: str, port: int, timeout: float = TIMEOUT) -> bool:
    """Whether a TCP connection succeeds. It is closed immediately, and no data is sent."""
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError:
        return False
    return True
