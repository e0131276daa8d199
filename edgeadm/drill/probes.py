"""The checks of a drill that use this host's network and clock. Tests replace them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeadm.errors import ApiError, UnreachableError
from edgeadm.hosts.dial import connects
from edgeadm.hosts.dns import ask_address

# lite-apiserver tries the API server for three seconds before it responds from its cache
LITE_PATIENCE = 8.0


def answers(server: str, authority: bytes) -> bool:
    """Whether lite-apiserver responds, with a certificate of the cluster. Any status counts: it forwards
    health checks to the API server, which is blocked."""
    from edgeadm.cluster.outside import TokenApi

    try:
        return bool(TokenApi(server, authority, timeout=LITE_PATIENCE).ask("/healthz").status)
    except (UnreachableError, ApiError):
        return False


@dataclass(frozen=True)
class Probes:
    """The functions that check this host."""

    connects: Callable[[str, int], bool] = connects
    answers: Callable[[str, bytes], bool] = answers
    addresses: Callable[[str, str], list[str]] = ask_address
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
