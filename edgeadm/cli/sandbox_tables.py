"""The output of `edgeadm sandbox`: nodes and saved states."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from edgeadm.cli import console

if TYPE_CHECKING:
    from edgeadm.sandbox import Status
    from edgeadm.sandbox.saved import SavedState


def show(nodes: list[Status], output: str) -> None:
    """Print the state of nodes: a table, or JSON if `output` is `json`."""
    if output == "json":
        console.data_json([asdict(node) for node in nodes])
        return
    _table(
        ("NAME", "IP", "ROLE", "STATE", "LINK", "LINE", "NAT", "READY", "VM"),
        [
            (
                *(node.name, node.ip, node.role, node.state, node.link, node.line, node.nat),
                "yes" if node.ready else "no",
                node.vm or "no",
            )
            for node in nodes
        ],
    )


def show_saved(states: list[SavedState], output: str) -> None:
    """Print saved states: a table, or JSON if `output` is `json`."""
    from edgeadm.sandbox import names

    found = [
        {
            "name": state.name,
            "subnet": str(names.subnet(state.sandbox.number)),
            "nodes": [node.name for node in state.sandbox.nodes],
            "size": state.size,
            "saved": state.saved,
        }
        for state in states
    ]
    if output == "json":
        console.data_json(found)
        return
    _table(
        ("NAME", "SUBNET", "NODES", "SIZE", "SAVED"),
        [
            (
                state.name,
                str(names.subnet(state.sandbox.number)),
                ",".join(node.name for node in state.sandbox.nodes),
                f"{state.size / 1e9:.1f} GB",
                state.saved,
            )
            for state in states
        ],
    )


def _table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    for line in console.columns([head, *lines], gap=2):
        console.data(line)
