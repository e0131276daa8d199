"""kubeadm's defaults and paths, each in this one place.

Sources: `cmd/kubeadm/app/apis/kubeadm/v1beta4/defaults.go` (ranges, domain, port, certificate directory) and
`cmd/kubeadm/app/constants/constants.go` (files), unchanged from Kubernetes 1.22 to 1.37."""

from __future__ import annotations

SERVICE_RANGE = "10.96.0.0/12"
SERVICE_DOMAIN = "cluster.local"
API_PORT = 6443

KUBERNETES = "/etc/kubernetes"
PKI = f"{KUBERNETES}/pki"
MANIFESTS = f"{KUBERNETES}/manifests"
API_SERVER_MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
ADMIN_CONF = f"{KUBERNETES}/admin.conf"
SUPER_ADMIN_CONF = f"{KUBERNETES}/super-admin.conf"
KUBELET_CONF = f"{KUBERNETES}/kubelet.conf"
BOOTSTRAP_KUBELET_CONF = f"{KUBERNETES}/bootstrap-kubelet.conf"
# The kubelet's certificate and key as a client of the API (kubelet `--cert-dir`).
KUBELET_CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
