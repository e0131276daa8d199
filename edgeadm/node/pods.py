"""Processes and mounts of Pods on this host."""

from __future__ import annotations

from collections.abc import Iterator

from edgeadm.core.phase import Context
from edgeadm.hosts import facts

SHIM = "containerd-shim"
MOUNTS = (
    "/var/lib/kubelet/",
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io/",
    "/run/containerd/io.containerd.grpc.v1.cri/",
    "/run/netns/cni-",
)


def pod_processes(ctx: Context) -> Iterator[str]:
    """Processes in Pods' cgroups, and the shims that hold Kubernetes' containers."""
    for pid, words in facts.processes(ctx.host).items():
        name = words[0].rpartition("/")[2] if words else ""
        groups = ctx.host.read(f"/proc/{pid}/cgroup") or b""
        if b"kubepods" in groups or (name.startswith(SHIM) and "k8s.io" in words):
            yield pid
