module edgeadm/own

go 1.25.0
