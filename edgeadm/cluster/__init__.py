"""The only door to the API server. `kubernetes` is imported when a cluster is opened, not before."""

from edgeadm.cluster.base import OWNER, Awaited, Cluster, Object, Outside

__all__ = ["OWNER", "Awaited", "Cluster", "Object", "Outside"]
