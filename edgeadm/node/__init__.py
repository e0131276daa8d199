"""Facts and files of this host as a node: shared by phases, checks, drills and verbs."""
