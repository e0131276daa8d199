"""Settings and files of the virtual IP on a control plane."""
