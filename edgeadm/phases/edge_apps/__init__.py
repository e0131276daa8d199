"""The phases of an edge cluster: one for each component."""
