"""What answers on an edge node itself: lite-apiserver and the node's DNS, both at the virtual address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgeadm.hosts.dns import ask_address

# lite-apiserver itself waits three seconds for a cloud that keeps silent.
PATIENCE = 15.0
DNS_PATIENCE = 5.0


class Nearby(Protocol):
    """The servers of this node: real, or imagined by tests."""

    def status(self, server: str, ca: bytes, path: str) -> int:
        """The HTTP status that the server answers with. Raises UnreachableError where nobody does, ApiError
        where its certificate does not hold, OSError or ValueError where the CA's file holds none."""

    def addresses(self, server: str, name: str) -> list[str]:
        """The addresses of a name, by this DNS server; none where it is silent, or knows no such name."""


@dataclass(frozen=True)
class NearbyServers:
    """Those of the machine that edgeadm runs on."""

    patience: float = PATIENCE

    def status(self, server: str, ca: bytes, path: str) -> int:
        from edgeadm.cluster.outside import TokenApi

        return TokenApi(server, ca, timeout=self.patience).ask(path).status

    def addresses(self, server: str, name: str) -> list[str]:
        return ask_address(server, name, DNS_PATIENCE)
