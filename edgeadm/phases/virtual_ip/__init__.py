"""The address that all control planes of a cluster share, and what holds it."""
