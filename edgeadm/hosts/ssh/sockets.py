"""TCP connections with one deadline for name, all addresses, and handshake."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass

from edgeadm.errors import UnreachableError
from edgeadm.hosts.ssh.errors import (
    ConnectionRefusedByHostError,
    ConnectTimeoutError,
    NoRouteError,
    UnknownNameError,
)

NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL)


@dataclass(frozen=True)
class Deadline:
    """A point in time of the monotonic clock."""

    seconds: float
    at: float

    @classmethod
    def within(cls, seconds: float) -> Deadline:
        return cls(seconds, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """The remaining seconds, never 0 or less, which would mean 'no timeout' to sockets."""
        return max(self.at - time.monotonic(), 0.001)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.at


Address = tuple[socket.AddressFamily, tuple[object, ...]]


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection. Raises an UnreachableError that names the cause."""
    addresses = resolve(host, port, deadline)
    failure: UnreachableError | None = None
    for number, (family, address) in enumerate(addresses):
        share = deadline.left / (len(addresses) - number)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(share)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            sock.close()
            failure = explained(error, host, port, deadline.seconds)
        else:
            return sock
    raise failure or UnknownNameError(f"{host} has no address")


def explained(error: OSError, host: str, port: int, seconds: float) -> UnreachableError:
    """The error of a socket, as the cause that a user can act on."""
    where = f"{host} port {port}"
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return ConnectTimeoutError(
            f"{where} does not respond within {seconds:g} s",
            hint="check that the host is powered on and that firewalls permit the port",
        )
    if error.errno == errno.ECONNREFUSED:
        return ConnectionRefusedByHostError(
            f"{where} refused the connection", hint="check the port, and that sshd is running"
        )
    if error.errno in NO_ROUTE:
        return NoRouteError(
            f"no route to {where}: {error.strerror}", hint="check the address and the network"
        )
    return UnreachableError(f"{where} is not reachable: {error.strerror or error}")


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """The addresses of a name, in the order of the system. The resolver has no deadline of its own, so it
    runs in a thread."""
    if _is_address(host):
        return _lookup(host, port, socket.AI_NUMERICHOST)
    found: list[list[Address] | OSError | UnicodeError] = []

    def look() -> None:
        try:
            found.append(_lookup(host, port))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(deadline.left)
    if not found:
        raise ConnectTimeoutError(f"the resolver did not respond to {host} within {deadline.seconds:g} s")
    if isinstance(found[0], Exception):
        raise UnknownNameError(
            f"the name {host} has no address", context=str(found[0]), hint="check the name, or use an address"
        )
    return found[0]


def _lookup(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(socket.AddressFamily(family), address) for family, _, _, _, address in found]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
