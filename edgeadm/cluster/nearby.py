"""What answers on an edge node itself: lite-apiserver and the node's DNS, both at the virtual address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgeadm.cluster.dns import look_up
from edgeadm.cluster.outside import TokenApi

# lite-apiserver itself waits three seconds for a cloud that keeps silent.
PATIENCE = 15.0


class Nearby(Protocol):
    """The servers of this node: real, or imagined by tests."""

    def status(self, server: str, ca: bytes, path: str) -> int:
        """The HTTP status that the server answers with. Raises UnreachableError where nobody does, ApiError
        where its certificate does not hold."""

    def addresses(self, server: str, name: str, *, ipv6: bool = False) -> tuple[str, ...]:
        """The addresses of a name, by this DNS server. Raises UnreachableError."""


@dataclass(frozen=True)
class NearbyServers:
    """Those of the machine that edgeadm runs on."""

    patience: float = PATIENCE

    def status(self, server: str, ca: bytes, path: str) -> int:
        return TokenApi(server, ca, timeout=self.patience).ask(path).status

    def addresses(self, server: str, name: str, *, ipv6: bool = False) -> tuple[str, ...]:
        return look_up(server, name, ipv6=ipv6)
