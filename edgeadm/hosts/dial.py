"""Whether somebody takes connections at an address, asked from this machine."""

from __future__ import annotations

import socket

TIMEOUT = 1.5


def connects(address: str, port: int, timeout: float = TIMEOUT) -> bool:
    """Whether a TCP connection comes about. It is closed at once, nothing is sent."""
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError:
        return False
    return True
