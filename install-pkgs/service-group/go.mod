module edgeadm/service-group

go 1.24.0
