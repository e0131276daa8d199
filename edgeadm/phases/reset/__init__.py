"""The phases of `edgeadm reset`. Each takes back one kind of change; what edgeadm did not make stays.

`made.py` lists what a node has besides the files in the journal: a new kind of node adds its lines there."""
