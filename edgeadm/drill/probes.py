"""The questions of a drill that go over the network of this machine, and its clock. Tests put others here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeadm.errors import ApiError, UnreachableError
from edgeadm.hosts.dial import connects
from edgeadm.hosts.dns import ask_address

# lite-apiserver tries the API server for three seconds before it answers from what it has.
LITE_PATIENCE = 8.0


def answers(server: str, authority: bytes) -> bool:
    """Whether lite-apiserver answers, with a certificate of the cluster. Whatever it answers: it has no
    health of its own, and passes the question on to the API server, which is away."""
    from edgeadm.cluster.outside import TokenApi

    try:
        return bool(TokenApi(server, authority, timeout=LITE_PATIENCE).ask("/healthz").status)
    except (UnreachableError, ApiError):
        return False


@dataclass(frozen=True)
class Probes:
    """How this machine is asked."""

    connects: Callable[[str, int], bool] = connects
    answers: Callable[[str, bytes], bool] = answers
    addresses: Callable[[str, str], list[str]] = ask_address
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
