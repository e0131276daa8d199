"""Rehearses an outage on a live edge node: blocks only the API server for some minutes, and reports what
would have survived.

A drill is not journaled, because it leaves no changes: the block is in the kernel and its timer is a
transient unit, and neither survives a boot. `edgeadm reset` and `edgeadm drill lift` find the table of a
killed drill by its name.
"""
