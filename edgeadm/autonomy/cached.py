"""Entries of lite-apiserver's cache: their clients and contents."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from typing import Any

from edgeadm.autonomy.node import FLANNEL, EdgeNode
from edgeadm.checks.engine import UnansweredError
from edgeadm.node.lite_files import CACHE


def is_of(entry: Mapping[str, Any], program: str) -> bool:
    """Whether the entry is a response to this program. Programs write their name and version in many ways:
    `kubelet_v1.34.4`, `CoreDNS-1.12.1`, `flanneld_v0.0.0`."""
    client = str(entry.get("userAgent", "")).lower()
    return re.match(rf"{re.escape(program.lower())}d?([-_/.]|$)", client) is not None


def entry_of(node: EdgeNode, program: str, resource: str, name: str) -> dict[str, Any] | None:
    """The program's own entry for one object, or None. Raises UnansweredError."""
    for each in node.entries:
        if is_of(each, program) and (each.get("resource"), each.get("name")) == (resource, name):
            return each
    return None


def own_node(node: EdgeNode) -> dict[str, Any] | None:
    """This Node in flannel's cache entry, or None if it is missing or incomplete."""
    try:
        entry = entry_of(node, FLANNEL, "nodes", node.name)
    except UnansweredError:
        return None
    found = body(node.host.read(f"{CACHE}/{entry['key']}")) if entry else None
    if found is not None and "items" in found:
        items = [each for each in found["items"] or [] if isinstance(each, dict)]
        return next((each for each in items if (each.get("metadata") or {}).get("name") == node.name), None)
    return found


def body(entry: bytes | None) -> dict[str, Any] | None:
    """The object in an entry, or None if it is damaged or not JSON."""
    try:
        document = json.loads(entry or b"")
        data = base64.b64decode(document["body"])
        headers = {str(name).lower(): value for name, value in (document.get("header") or {}).items()}
        if "gzip" in str(headers.get("content-encoding", "")):
            data = gzip.decompress(data)
        found = json.loads(data)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError):
        return None
    return found if isinstance(found, dict) else None
