module edgeadm/pause

go 1.24.0
