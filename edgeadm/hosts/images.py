"""The images of Kubernetes in a host's containerd."""

from __future__ import annotations

from edgeadm.hosts.base import Host

CTR = ("ctr", "--namespace", "k8s.io")
PIN = "io.cri-containerd.pinned"
PINNED = f"{PIN}=pinned"


def present(host: Host) -> dict[str, tuple[str, bool]]:
    """Name → digest and whether it is pinned, of every image; empty without containerd."""
    found = {}
    for line in host.ask(*CTR, "images", "ls").out.splitlines()[1:]:
        columns = line.split()
        if len(columns) > 2:
            found[columns[0]] = (columns[2], PINNED in columns[-1])
    return found
