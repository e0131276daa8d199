"""State of the kernel that edgeadm makes and that other programs may flush. It is one list: `edgeadm-keep`
restores it within seconds, and `edgeadm check autonomy` looks at it.

A reload of nftables, ufw or firewalld empties the packet filter. A network manager removes links, addresses
and routes that it does not know. `sysctl --system` sets the values of files that are read after edgeadm's.
Loaded modules are not in the list: they are in use, and cannot be unloaded. Nor is the table of a rehearsed
outage: the drill itself looks whether it is there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from edgeadm.node.lite_files import FOLDER

FILE = f"{FOLDER}/kernel.json"


@dataclass(frozen=True)
class State:
    """`show` prints it, and then `has` occurs `times` times at least. `restore` makes it, and may be run at
    any time."""

    what: str
    show: tuple[str, ...]
    has: str
    restore: tuple[str, ...]
    times: int = 1


def document(states: Iterable[State]) -> bytes:
    """The list as `edgeadm-node keep` reads it."""
    found = [
        {
            "what": each.what,
            "show": each.show,
            "has": each.has,
            "times": each.times,
            "restore": each.restore,
        }
        for each in states
    ]
    return json.dumps({"states": found}, indent=2).encode() + b"\n"


def parse(data: bytes | None) -> list[State]:
    """The states in such a document; empty if it is invalid."""
    try:
        found = json.loads(data or b"{}").get("states", [])
        return [
            State(
                str(each["what"]),
                tuple(each["show"]),
                str(each["has"]),
                tuple(each["restore"]),
                each["times"],
            )
            for each in found
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
