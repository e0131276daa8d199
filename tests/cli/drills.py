"""`edgeadm drill` on an edge node in memory."""

from __future__ import annotations

from tests.cli.world import Ended, edgeadm
from tests.edge_node import EdgeNode, stamp


def drill(node: EdgeNode, *args: str, **more: bool) -> Ended:
    """Run `edgeadm drill` with these words; without any, an outage of two minutes."""
    words = args or ("offline", "--minutes", "2")
    return edgeadm(node.machine, "drill", *words, probes=node.probes(), **more)


def offline(node: EdgeNode, *more: str) -> Ended:
    """Run `edgeadm drill offline` for two minutes, with further options."""
    return drill(node, "offline", "--minutes", "2", *more)


def killed(node: EdgeNode) -> EdgeNode:
    """The node after a drill of two minutes that SIGKILL ended."""
    node.table = f'comment "edgeadm drill offline, until {stamp(90)}"'
    node.timer = ("systemd-run",)
    return node
