"""The phases of `edgeadm reset`. Each takes back one kind of change; what edgeadm did not make stays.

Each phase of the other verbs declares what it leaves, and reset removes that: see `edgeadm.core.leaves`."""
