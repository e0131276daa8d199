"""Why a node's autonomy cannot be looked at from here."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError


class NotEdgeNodeError(EdgeadmError):
    """This machine is no edge node that `edgeadm join` made."""

    code = "not-an-edge-node"
    exit_code = 3


class OtherNodeError(EdgeadmError):
    """A node was named that is not this machine: a node's autonomy is looked at on the node itself."""

    code = "other-node"
    exit_code = 3
