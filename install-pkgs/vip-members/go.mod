module edgeadm/vip-members

go 1.24.0
