"""What kubeadm and running pods leave on a machine, as files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.certificates import authority, kubelet_client

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
# Shortened from what kubeadm v1.34.4 writes.
API_SERVER = (Path(__file__).parent / "cases" / "kube-apiserver.yaml").read_bytes()
KUBECONFIG = b"""apiVersion: v1
kind: Config
clusters:
- {name: kubernetes, cluster: {server: "https://10.0.0.11:6443", certificate-authority: pki/ca.crt}}
contexts:
- {name: admin, context: {cluster: kubernetes, user: admin}}
current-context: admin
"""


def kubeadm_writes() -> dict[str, bytes]:
    """The files that a finished `kubeadm init` leaves, a real pair for the CA included."""
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
    found = {f"/etc/kubernetes/manifests/{name}.yaml": b"kind: Pod\n" for name in names}
    found[MANIFEST] = API_SERVER
    found |= {f"/etc/kubernetes/{name}.conf": KUBECONFIG for name in ("admin", "kubelet")}
    pairs = {"ca": authority(), "apiserver-kubelet-client": kubelet_client()}
    for name, (certificate, key) in pairs.items():
        found[f"/etc/kubernetes/pki/{name}.crt"] = certificate
        found[f"/etc/kubernetes/pki/{name}.key"] = key
    return found


def patched(manifest: bytes, patch: bytes) -> bytes:
    """The manifest as kubeadm makes it of a patch that only adds."""
    pod = yaml.safe_load(manifest)
    for operation in yaml.safe_load(patch):
        assert operation["op"] == "add"
        *folders, last = (part.replace("~1", "/") for part in operation["path"].split("/")[1:])
        holder = pod
        for part in folders:
            holder = holder[int(part) if isinstance(holder, list) else part]
        if last == "-":
            holder.append(operation["value"])
        else:
            holder[last] = operation["value"]
    return yaml.safe_dump(pod).encode()


def pods_write() -> dict[str, bytes]:
    """What running pods leave on a machine, as files."""
    places = (
        "/var/lib/kubelet/config.yaml",
        "/var/lib/etcd/member/wal",
        "/var/lib/cni/networks/cbr0/lock",
        "/run/flannel/subnet.env",
        "/run/xtables.lock",
        "/var/log/pods/x/0.log",
        "/var/log/containers/x.log",
        "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
        "/run/containerd/containerd.sock",
        "/opt/containerd/bin/x",
        "/usr/libexec/kubernetes/x",
        "/run/netns/cni-1",
        "/sys/class/net/cni0/x",
        "/sys/class/net/flannel.1/x",
        "/sys/fs/cgroup/kubepods.slice/x",
        "/sys/fs/cgroup/pids/kubepods.slice/x",
    )
    return {
        **dict.fromkeys(places, b""),
        "/proc/mounts": b"/dev/vda / ext4 rw 0 0\n"
        b"tmpfs /var/lib/kubelet/pods/1/volumes/a\\040b tmpfs rw 0 0\n",
        "/proc/700/cmdline": b"/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0",
        "/proc/700/cgroup": b"0::/system.slice/containerd.service\n",
        "/proc/701/cmdline": b"/pause\0",
        "/proc/701/cgroup": b"0::/kubepods.slice/kubepods-pod1.slice\n",
    }


def join_writes() -> dict[str, bytes]:
    """The files that a finished `kubeadm join` of a worker leaves."""
    certificate, key = authority()
    kubeconfig = (
        "apiVersion: v1\nclusters:\n- cluster:\n    server: https://169.254.20.11:51003\n"
        f"    certificate-authority-data: {base64.b64encode(certificate).decode()}\ncurrent-context: x\n"
    )
    return {
        "/etc/kubernetes/kubelet.conf": kubeconfig.encode(),
        "/var/lib/kubelet/pki/kubelet-client-current.pem": certificate + key,
        "/etc/kubernetes/pki/ca.crt": certificate,
        "/var/lib/flannel/subnet.env": b"FLANNEL_SUBNET=192.168.1.1/24\n",
    }


def cache_knows() -> Iterator[dict[str, object]]:
    """What `edgeadm-node cache` tells of an edge node whose Pods have all asked."""
    asked = {
        "kubelet_v1.34.4": ("pods", "services", "nodes"),
        "kube-proxy_v1.34.4": ("services", "endpointslices", "nodes"),
        "flanneld_v0.0.0": ("nodes",),
        "CoreDNS_1.12.1": ("services", "endpointslices", "namespaces"),
    }
    for agent, resources in asked.items():
        for resource in resources:
            yield {"userAgent": agent, "resource": resource, "verb": "list", "whole": True, "snapshot": True}
    for resource in ("csinodes", "leases"):
        own = {"userAgent": "kubelet_v1.34.4", "resource": resource, "name": "cp1", "verb": "get"}
        yield {**own, "whole": True, "snapshot": True}
