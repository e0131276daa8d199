"""The phases of `edgeadm reset`. Each one reverts one kind of change; everything else is kept.

`made.py` lists the inventory of a node besides the files in the journal: a new kind of node adds its entries
there.
"""
