"""Manifests, unit files and the closing text, held against files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm.render import Renderer

HERE = Path(__file__).parent / "texts"
JOIN = {
    "endpoint": "10.0.0.11:6443",
    "token": "abcdef.0123456789abcdef",
    "ca_hash": "sha256:" + "0" * 64,
    "certificate_key": "1" * 64,
    "control_plane_endpoint": "",
    "upload_certs": False,
    "enable_edge": True,
}
FLANNEL = {"flannel_image": "example.org/flannel:v1", "api_host": "10.0.0.11", "api_port": 6443}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "flannel.yaml": (
        "cni/flannel.yaml",
        FLANNEL | {"pod_cidr_v4": "192.168.0.0/16", "pod_cidr_v6": ""},
    ),
    "flannel-dual.yaml": (
        "cni/flannel.yaml",
        FLANNEL | {"pod_cidr_v4": "10.1.0.0/16", "pod_cidr_v6": "fd00::/56"},
    ),
    "flannel.conflist": ("cni/flannel.conflist", {}),
    "containerd.toml": (
        "runtime/containerd.toml",
        {"pause_image": "registry.k8s.io/pause:3.10.1", "can_lower_oom_score": True},
    ),
    "containerd-in-container.toml": (
        "runtime/containerd.toml",
        {"pause_image": "registry.k8s.io/pause:3.10.1", "can_lower_oom_score": False},
    ),
    "containerd.service": ("systemd/containerd.service", {"can_lower_oom_score": True}),
    "edge-nic.service": ("systemd/edge-nic.service", {"link": "tkeedgedns", "address": "169.254.20.11"}),
    "lite-apiserver.service": (
        "systemd/lite-apiserver.service",
        {
            "folder": "/etc/kubernetes/edge",
            "host": "10.0.0.11",
            "api_port": 6443,
            "address": "169.254.20.11",
            "port": 51003,
            "cache": "/data/lite-apiserver/cache",
        },
    ),
    "tls.json": ("edge/tls.json", {"client": "/var/lib/kubelet/pki/kubelet-client-current.pem"}),
    "edge-info.yaml": (
        "addons/edge-info.yaml",
        {"virtual_address": "169.254.20.11", "service_ip": "10.96.0.1"},
    ),
    "approver.yaml": (
        "addons/approver.yaml",
        {
            "approver_image": "edgeadm.io/approver:v1.0.0",
            "addresses": ["169.254.20.11", "127.0.0.1", "10.96.0.1"],
            "names": ["kubernetes", "kubernetes.default"],
        },
    ),
    "join-done.txt": ("text/join-done.txt", {"control_plane": False}),
    "join-done-control-plane.txt": ("text/join-done.txt", {"control_plane": True}),
    "kubelet.service": ("systemd/kubelet.service", {}),
    "10-kubeadm.conf": ("systemd/10-kubeadm.conf", {}),
    "modules.conf": ("node/modules.conf", {"modules": ["overlay", "br_netfilter"]}),
    "sysctl.conf": ("node/sysctl.conf", {"inotify": {"max_user_instances": 1024}}),
    "init-done.txt": ("text/init-done.txt", JOIN),
    "init-done-plain.txt": ("text/init-done.txt", JOIN | {"enable_edge": False}),
    "init-done-ha.txt": (
        "text/init-done.txt",
        JOIN | {"control_plane_endpoint": "10.0.0.100:6443", "upload_certs": True},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rendered(name: str, request: pytest.FixtureRequest) -> None:
    template, values = CASES[name]
    text = Renderer().text(template, values)
    golden = HERE / name
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_template_has_a_case() -> None:
    assert {template for template, _ in CASES.values()} == set(Renderer().names())
