"""An edge cluster on one Linux host: nodes that boot a real init, on an isolated switch."""

from edgeadm.sandbox.lab import Kind, Sandbox
from edgeadm.sandbox.node import Node, Status
from edgeadm.sandbox.state import Store

__all__ = ["Kind", "Node", "Sandbox", "Status", "Store"]
