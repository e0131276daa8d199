"""The controller of NodeTasks in the cluster: `edgeadm addon fleet`."""
