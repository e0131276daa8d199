"""To which nodes and clusters phases apply: the reason if one does not, empty if it does."""

from __future__ import annotations

from edgeadm.config import Config
from edgeadm.config.ticket import is_edge, joins_control_plane


def to_edge_nodes(config: Config) -> str:
    """For phases of nodes behind a lite-apiserver of their own."""
    return "" if is_edge(config) else "this is not to be an edge node"


def to_edge_clusters(config: Config) -> str:
    """For phases of clusters with edge nodes."""
    return "" if config.enable_edge else "`--enable-edge=false`: this is not to be an edge cluster"


def to_new_control_planes(config: Config) -> str:
    """For phases of a join that makes another control plane."""
    return "" if joins_control_plane(config) else "only control planes run an API server"
