"""The only place that knows kubeadm's versions, flags, phases and configuration API."""
