module edgeadm/approver

go 1.24.0
