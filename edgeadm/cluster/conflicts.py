"""Fields owned by other field managers: parsed from the API server's conflict, removed from applied
objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from edgeadm.cluster.base import Object, copied

MANAGER = re.compile(r'conflict with "([^"]*)"')
KEYS = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^,\]]+)')


def conflicts(body: str | bytes) -> list[tuple[str, str]]:
    """Field and manager of each cause of a conflict; empty for other errors."""
    try:
        causes = (json.loads(body).get("details") or {}).get("causes") or []
    except (ValueError, AttributeError):
        return []
    return [
        (each["field"], _manager(each)) for each in causes if each.get("reason") == "FieldManagerConflict"
    ]


def without(obj: Object, fields: list[str]) -> dict[str, Any]:
    """A copy of the object without these fields, such as `.spec.replicas`,
    `.metadata.annotations.example.org/a` and `.spec.containers[name="web"].image`."""
    kept: dict[str, Any] = copied(obj)
    for field in fields:
        _drop(kept, field)
    return kept


def _drop(at: Any, path: str) -> None:
    """Field names are not quoted and may contain dots: the keys of the object show their ends."""
    for key, rest in _steps(at, path):
        if rest:
            _drop(at[key], rest)
        else:
            del at[key]
        return


def _steps(at: Any, path: str) -> Iterator[tuple[Any, str]]:
    if isinstance(at, dict) and path.startswith("."):
        fitting = [key for key in at if path[1:] == key or path[1:].startswith((f"{key}.", f"{key}["))]
        for key in sorted(fitting, key=len, reverse=True):
            yield key, path[1 + len(key) :]
    elif isinstance(at, list) and path.startswith("["):
        inside, _, rest = path[1:].partition("]")
        yield from ((i, rest) for i, item in enumerate(at) if _is_meant(item, inside, i))


def _is_meant(item: Any, inside: str, index: int) -> bool:
    """Whether the item matches `name="web"`, `port=80,protocol="TCP"`, `="value"` or `0`."""
    if inside.startswith("="):
        return bool(item == json.loads(inside[1:]))
    wanted = {name: json.loads(value) for name, value in KEYS.findall(inside)}
    if not wanted:
        return inside == str(index)
    return isinstance(item, dict) and wanted.items() <= ({"protocol": "TCP"} | item).items()


def _manager(cause: dict[str, Any]) -> str:
    found = MANAGER.match(cause.get("message", ""))
    return found[1] if found else "another field manager"
