"""The answers that each program has to find in lite-apiserver's cache when it starts without the cloud. It is
one list: `edgeadm join` waits until they are there, and `edgeadm check autonomy` looks for them. A test
compares it with what the programs ask for at a real second start."""

from __future__ import annotations

# Lists, by program. Of Nodes, the answer with this node's own will do.
LISTS = {
    "kubelet": ("pods", "services", "nodes"),
    "kube-proxy": ("services", "endpointslices", "nodes"),
    "flannel": ("nodes",),
    "coredns": ("services", "endpointslices", "namespaces"),
}
# Objects with the name of the node. A program asks for them when it starts; at its first start on a node they
# may not be there yet, so `edgeadm-node` asks once more in its name. Without its CSINode kubelet tries to
# create it, and exits after six attempts (pkg/volume/csi/csi_plugin.go, initializeCSINode).
OWN = {"kubelet": ("csinodes", "leases")}
# With strict service groups, a program beside kube-proxy asks for its lists.
ALSO_FOR = {"kube-proxy": ("application-grid-wrapper", "grid-wrapper")}
