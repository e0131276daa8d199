"""Facts, files and objects of the components of an edge cluster."""
