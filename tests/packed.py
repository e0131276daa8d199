"""A package for machines in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgeadm.package.manifest import FILTERS, FileEntry, ImageEntry, Manifest
from edgeadm.package.opened import OpenPackage, Say, quiet

VERSION = "v1.34.4"
IMAGES = {
    "images/kube-apiserver.tar": f"registry.k8s.io/kube-apiserver:{VERSION}",
    "images/kube-proxy.tar": f"registry.k8s.io/kube-proxy:{VERSION}",
    "images/etcd.tar": "registry.k8s.io/etcd:3.6.5-0",
    "images/coredns.tar": "registry.k8s.io/coredns/coredns:v1.12.1",
    "images/pause.tar": "registry.k8s.io/pause:3.10.1",
    "images/flannel.tar": "ghcr.io/flannel-io/flannel:v0.28.10",
    "images/tunnel.tar": "superedge.tencentcloudcr.com/superedge/tunnel:v0.9.0",
    "images/approver.tar": "edgeadm.io/approver:v1.0.0",
    "images/service-group.tar": "edgeadm.io/service-group:v1.0.0",
    "images/fleet-controller.tar": "edgeadm.io/fleet-controller:v1.0.0",
}


def packed(text: str) -> bytes:
    """What a packed program of this name holds."""
    return f"#!program {text}\n".encode()


def roles_of(path: str) -> tuple[str, ...]:
    """Which nodes need the file."""
    if path in ("images/kube-apiserver.tar", "images/etcd.tar", "images/approver.tar") or path.startswith(
        "tools/vip/"
    ):
        return ("control-plane",)
    return (
        ("edge",)
        if path in ("bin/lite-apiserver", "bin/edgeadm-node", "cni/edge-ipam", "tools/edge/nft")
        else ("control-plane", "worker", "edge")
    )


@dataclass(frozen=True)
class Unpacked(OpenPackage):
    """A package whose bytes lie in a folder already."""

    def unpacked(self, say: Say = quiet) -> Path:
        return self.private

    def check(self, say: Say = quiet, *, room: bool = True) -> None:
        """The test made it a moment ago."""

    def close(self) -> None:
        """Other tests of this machine go on with it."""


def make_package(target: Path, role: str) -> OpenPackage:
    """A package of a few small files, unpacked below the target."""
    entries, images = [], []
    folder = target / "unpacked"
    programs = ["kubeadm", "kubelet", "kubectl", "containerd", "containerd-shim-runc-v2", "ctr", "runc"]
    wanted = [(f"bin/{name}", "program") for name in programs]
    wanted += [(f"cni/{name}", "cni-plugin") for name in ("bridge", "flannel", "edge-ipam")]
    wanted += [("bin/lite-apiserver", "program"), ("bin/edgeadm-node", "program")]
    tools = ("keepalived", "haproxy", "vip-members", "libc.so.6")
    wanted += [(f"tools/vip/{name}", "tool") for name in tools]
    wanted += [("tools/edge/nft", "tool"), *((f"tools/net/{name}", "tool") for name in FILTERS)]
    wanted += [(path, "image") for path in IMAGES]
    for path, kind in wanted:
        data = packed(path)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        mode = 0o644 if path.endswith(".so.6") else 0o755
        entries.append(FileEntry(path, roles_of(path), kind, len(data), mode, digest))
        if kind == "image":
            images.append(ImageEntry(IMAGES[path], path, f"sha256:{digest}", roles_of(path)))
    manifest = Manifest(1, "0.1.0", VERSION, "amd64", tuple(entries), tuple(images))
    file = target / "package.tar.zst"
    file.write_bytes(b"package")
    return Unpacked(file, manifest, role, folder)
