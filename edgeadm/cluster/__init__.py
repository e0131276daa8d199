"""The only access to the API server. `kubernetes` is imported when a cluster is opened."""

from edgeadm.cluster.base import OWNER, Awaited, Cluster, Object, Outside, Store

__all__ = ["OWNER", "Awaited", "Cluster", "Object", "Outside", "Store"]
