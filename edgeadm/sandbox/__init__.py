"""An edge cluster on one Linux machine: nodes that boot a real init, on a switch without a way out."""

from edgeadm.sandbox.lab import Sandbox
from edgeadm.sandbox.node import Node, Status
from edgeadm.sandbox.state import Store

__all__ = ["Node", "Sandbox", "Status", "Store"]
