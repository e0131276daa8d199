"""Checks whether an edge node would recover from a power cut without the cloud."""
