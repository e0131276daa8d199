"""Differing fields of two states of an object: only names, because values may be secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SHOWN = 5


def described(name: str, before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    """The object's name, with the changed fields of an existing object: `Service/a (spec.ports[0].port)`."""
    if before is None:
        return name
    fields = list(_fields(before, after, ""))
    more = f" and {len(fields) - SHOWN} more" if len(fields) > SHOWN else ""
    return f"{name} ({', '.join(fields[:SHOWN])}{more})"


def _fields(before: Any, after: Any, at: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _fields(before.get(key), after.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, pair in enumerate(zip(before, after, strict=True)):
            yield from _fields(*pair, f"{at}[{i}]")
    elif before != after:
        yield at
