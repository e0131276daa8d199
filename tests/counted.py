"""A host that counts what is asked of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

VERBS = (
    *("ask", "run", "read", "stat", "stat_all", "names"),
    *("write", "write_all", "put", "put_all", "stage", "append", "remove"),
)


class CountedHost:
    """Passes everything on."""

    def __init__(self, real: Any) -> None:
        self.real, self.name = real, "counted"
        self.calls: Counter[str] = Counter()

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self.real, verb)
        if verb in VERBS:
            self.calls[verb] += 1
        return real
