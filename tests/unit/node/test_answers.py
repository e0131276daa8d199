"""`edgeadm join` waits for the objects that `edgeadm-node ask` requests: one list in two languages."""

from __future__ import annotations

import re
from pathlib import Path

from edgeadm.node.answers import LISTS, OWN

ASK = Path(__file__).parents[3] / "install-pkgs" / "own" / "cmd" / "edgeadm-node" / "ask.go"
TABLE = re.compile(r"^var ownObjects = \[\]ownObject\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
ROW = re.compile(r'^\t\{"(\w+)", "[\w-]*", "/[^"]+/", "(\w*)"\},$', re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    """Resource and client of each object; the client is empty if a stored answer is required first."""
    table = TABLE.search(ASK.read_text(encoding="utf-8"))
    assert table is not None
    found = ROW.findall(table[1])
    assert len(found) == len(table[1].splitlines())
    return [(resource, client.removesuffix("_")) for resource, client in found]


def test_each_awaited_object_is_requested_for_its_client() -> None:
    assert {(resource, client) for client, every in OWN.items() for resource in every} == {
        row for row in rows() if row[1]
    }


def test_an_object_that_is_only_requested_again_is_in_an_awaited_list() -> None:
    again = {resource for resource, client in rows() if not client}
    assert again
    assert again <= {resource for every in LISTS.values() for resource in every}
