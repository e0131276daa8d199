"""Identifiers of runs."""

from __future__ import annotations

import os
import time
from uuid import UUID

_RANDOM_BITS = 80


def new_run_id() -> str:
    """A UUID version 7 (RFC 9562, section 5.7): identifiers sort by the time of their creation, in
    milliseconds."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << _RANDOM_BITS) | int.from_bytes(os.urandom(_RANDOM_BITS // 8), "big")
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0b11 << 62) | (0b10 << 62)
    return str(UUID(int=value))
