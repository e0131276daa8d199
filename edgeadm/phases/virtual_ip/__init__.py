"""The virtual IP that all control planes of a cluster share, and its managers."""
