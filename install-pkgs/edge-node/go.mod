module edgeadm/edgeadm-node

go 1.25.0
