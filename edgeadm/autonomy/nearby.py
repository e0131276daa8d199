"""Servers on an edge node: lite-apiserver and the node's DNS, both at the virtual address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgeadm.hosts.dns import ask_address

# lite-apiserver itself waits three seconds for a cloud that does not respond.
PATIENCE = 15.0
DNS_PATIENCE = 5.0


class Nearby(Protocol):
    """The servers of this node: real ones, or fakes for tests."""

    def status(self, server: str, ca: bytes, path: str) -> int:
        """The HTTP status of the server's response. Raises UnreachableError if it does not respond, ApiError
        if its certificate is not valid, OSError or ValueError if the CA file contains none."""

    def addresses(self, server: str, name: str) -> list[str]:
        """The addresses of a name from this DNS server; empty if it does not respond or has no such name."""


@dataclass(frozen=True)
class NearbyServers:
    """The servers on the host that runs edgeadm."""

    patience: float = PATIENCE

    def status(self, server: str, ca: bytes, path: str) -> int:
        from edgeadm.cluster.outside import TokenApi

        return TokenApi(server, ca, timeout=self.patience).ask(path).status

    def addresses(self, server: str, name: str) -> list[str]:
        return ask_address(server, name, DNS_PATIENCE)
