"""Documents that describe fleets: from a file to a `Fleet`, with every fault named by its path."""

from edgeadm.fleet.documents.load import Options, load_fleet

__all__ = ["Options", "load_fleet"]
