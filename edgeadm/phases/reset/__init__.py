"""The phases of `edgeadm reset`. Each one reverts one kind of change; everything else is kept.

Each phase of the other verbs declares its inventory, which reset removes: see `edgeadm.core.leaves`."""
