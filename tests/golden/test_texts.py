"""Manifests, unit files and the closing text, held against files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm.apps import fleet
from edgeadm.node.cni_files import CONFLIST_VALUES, EVERY_CONFLIST
from edgeadm.phases.edge_apps.bootstrap import BINDINGS
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
FLANNEL = {
    "flannel_image": "example.org/flannel:v1",
    "api_host": "10.0.0.11",
    "api_port": 6443,
    "health_port": 51013,
}
MEMORY = {
    "helper": "/usr/bin/edgeadm-node",
    "cache": "/data/lite-apiserver/cache",
    "snapshot": "/data/lite-apiserver/snapshot",
    "subnet": "/var/lib/flannel/subnet.env",
    "addresses": "/var/lib/cni/edge-ipam",
    "kubelet": "/var/lib/kubelet",
    "leftovers": ["/run/cni/networks", "/var/lib/cni/results"],
    "certificates": ["/etc/kubernetes/edge/lite-apiserver.pem"],
    "server": "https://169.254.20.11:51003",
    "client": "/var/lib/kubelet/pki/kubelet-client-current.pem",
    "authority": "/etc/kubernetes/edge/ca.crt",
    "node": "edge1",
    "kernel": "/etc/kubernetes/edge/kernel.json",
    "link": "tkeedgedns",
}
VIRTUAL_IP = {
    "folder": "/etc/edgeadm/vip",
    "lists": "/var/lib/edgeadm/vip",
    "address": "10.0.0.100",
    "own_address": "10.0.0.11",
    "port": 6443,
    "alive_port": 6442,
    "interface": "eth0",
    "router_id": 100,
    "password": "0123abcd",
    "haproxy": "/usr/lib/edgeadm/vip/haproxy",
    "keepalived": "/usr/lib/edgeadm/vip/keepalived",
    "members": ["/usr/lib/edgeadm/vip/vip-members", "--node=cp1", "--self=10.0.0.11"],
    "image": "example.org/kube-vip:v1",
    "kubeconfig": "/etc/kubernetes/super-admin.conf",
}
SERVICE_IP = {
    "family": "ip",
    "table": "edgeadm",
    "service_ip": "10.96.0.1",
    "place": "169.254.20.11:51003",
    "nft": "/usr/lib/edgeadm/edge/nft",
    "rules": "/etc/kubernetes/edge/service-ip.nft",
}
DRILL = {
    "table": "edgeadm-drill",
    "places": [{"family": "ip", "address": "10.0.0.11", "port": 6443}],
    "refuse": False,
    "comment": "edgeadm drill offline, until 2026-09-21T14:13:20Z",
}
GRID = {
    "namespace": "edge-system",
    "grid_image": "superedge.tencentcloudcr.com/superedge/application-grid-controller:v0.9.0",
    "zones_image": "edgeadm.io/service-group:v1.0.0",
    "distribution": "PreferSameZone",
}
PROXY = {
    "namespace": "edge-system",
    "proxy_image": "registry.k8s.io/kube-proxy:v1.34.4",
    "config": "clientConnection:\n  kubeconfig: ''\nfeatureGates:\n  WatchListClient: false\n",
    "health_host": "127.0.0.1",
    "health_port": 10256,
    "live_path": "/livez",
    "strict": False,
    "wrapper_image": "superedge.tencentcloudcr.com/superedge/application-grid-wrapper:v0.9.0",
    "splitter_image": "edgeadm.io/service-group:v1.0.0",
    "reads": "0123456789abcdef",
}
IPV6 = {"address": "fd00::100", "own_address": "fd00::11"}
EDGE_HEALTH = {
    "namespace": "edge-system",
    "edge_health_image": "example.org/edge-health:v0.9.0",
    "admission_image": "example.org/edge-health-admission:v0.9.0",
    "cloud_votes": True,
    "hmac_key": "0123456789abcdef",
    "ca": "Y2E=",
    "control_planes": True,
}
EDGE_DNS = {
    "namespace": "edge-system",
    "coredns_image": "registry.k8s.io/coredns/coredns:v1.12.1",
    "address": "169.254.20.11",
    "host": "169.254.20.11",
    "health_port": 51011,
    "ready_port": 51012,
    "domain": "cluster.local",
    "kubeconfig": "/etc/kubernetes/edge/local.conf",
    "fails_fast": True,
}
TUNNEL = {
    "namespace": "edge-system",
    "tunnel_image": "superedge.tencentcloudcr.com/superedge/tunnel:v0.9.0",
    "tunnel_address": "10.96.0.80",
    "tunnel_port": 30900,
    "token_file": "ZGVmYXVsdDp0b2tlbg==",
    "edge_file": "W21vZGUuZWRnZV0=",
    "cloud_reads": "0123456789abcdef",
    "edge_reads": "fedcba9876543210",
}
FLEET = {
    "namespace": "edge-system",
    "image": "edgeadm.io/fleet-controller:v1.0.0",
    "controller": fleet.account(fleet.CONTROLLER),
    "job": fleet.account(fleet.JOB_ACCOUNT),
    "prefix": fleet.PREFIX,
    "description": "ZWRnZWFkbSBmbGVldCBydW4g",
    "description_text": fleet.DESCRIPTION,
    "group": "c3lzdGVtOmJvb3RzdHJhcHBlcnM6a3ViZWFkbTpkZWZhdWx0LW5vZGUtdG9rZW4=",
    "group_text": "system:bootstrappers:kubeadm:default-node-token",
    "label": fleet.NODE_LABEL,
    "node_label": fleet.STORE_LABEL,
    "packages": fleet.PACKAGES,
    "port": fleet.PORT,
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "flannel.yaml": (
        "cni/flannel.yaml",
        FLANNEL | {"pod_cidr_v4": "192.168.0.0/16", "pod_cidr_v6": ""},
    ),
    "flannel-dual.yaml": (
        "cni/flannel.yaml",
        FLANNEL | {"pod_cidr_v4": "10.1.0.0/16", "pod_cidr_v6": "fd00::/56"},
    ),
    "flannel.conflist": ("cni/flannel.conflist", CONFLIST_VALUES),
    "flannel-edge.conflist": ("cni/flannel.conflist", EVERY_CONFLIST[1]),
    "flannel-edge-forgetful.conflist": ("cni/flannel.conflist", EVERY_CONFLIST[2]),
    "edgeadm-repair.service": ("systemd/edgeadm-repair.service", MEMORY),
    "edgeadm-keep.service": ("systemd/edgeadm-keep.service", MEMORY),
    "edge-flannel.yaml": (
        "addons/edge-flannel.yaml",
        {
            "namespace": "kube-flannel",
            "flannel_image": "example.org/flannel:v1",
            "config_map": "kube-flannel-cfg",
            "subnet": "/var/lib/flannel/subnet.env",
            "folder": "/var/lib/flannel",
            "health_port": 51013,
        },
    ),
    "containerd.toml": (
        "runtime/containerd.toml",
        {"pause_image": "registry.k8s.io/pause:3.10.1", "can_lower_oom_score": True},
    ),
    "containerd-in-container.toml": (
        "runtime/containerd.toml",
        {"pause_image": "registry.k8s.io/pause:3.10.1", "can_lower_oom_score": False},
    ),
    "containerd.service": ("systemd/containerd.service", {"can_lower_oom_score": True}),
    "edgeadm-nic.service": (
        "systemd/edgeadm-nic.service",
        {
            "link": "tkeedgedns",
            "address": "169.254.20.11",
            "ranges": ["10.96.0.0/12", "fd00:96::/112"],
            "table": "default",
            "priority": 32799,
        },
    ),
    "lite-apiserver.service": (
        "systemd/lite-apiserver.service",
        {
            "folder": "/etc/kubernetes/edge",
            "host": "10.0.0.11",
            "api_port": 6443,
            "address": "169.254.20.11",
            "port": 51003,
            "cache": "/data/lite-apiserver/cache",
            "pair": "/etc/kubernetes/edge/lite-apiserver.pem",
        },
    ),
    "edgeadm-certificate.service": (
        "systemd/edgeadm-certificate.service",
        {
            "folder": "/etc/kubernetes/edge",
            "pair": "/etc/kubernetes/edge/lite-apiserver.pem",
            "client": "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "server": "https://10.0.0.11:6443",
            "serves": "169.254.20.11:51003",
        },
    ),
    "edgeadm-certificate.timer": ("systemd/edgeadm-certificate.timer", {}),
    "tls.json": ("edge/tls.json", {"client": "/var/lib/kubelet/pki/kubelet-client-current.pem"}),
    "edge-info.yaml": (
        "addons/edge-info.yaml",
        {
            "service_ip": "10.96.0.1",
            "settings": {"edge-virtual-addr": "169.254.20.11", "tunnel-port": 30900},
            "tunnel_address": "10.96.0.80",
            "programs": ["flannel", "kube-proxy"],
            "images": ["registry.example/kube-proxy:v1", "registry.example/coredns:v1"],
        },
    ),
    "bootstrap.yaml": (
        "addons/bootstrap.yaml",
        {
            "authority": "Y2E=",
            "server": "https://203.0.113.7:6443",
            "kubeadm_api": "kubeadm.k8s.io/v1beta4",
            "kubernetes_version": "v1.34.4",
            "services": "10.32.0.0/24",
            "domain": "cluster.local",
            "dns": "10.32.0.10",
            "bindings": BINDINGS,
        },
    ),
    "api-access.yaml": ("addons/api-access.yaml", {}),
    "approver.yaml": (
        "addons/approver.yaml",
        {
            "approver_image": "edgeadm.io/approver:v1.0.0",
            "control_planes": True,
            "addresses": ["169.254.20.11", "127.0.0.1", "10.96.0.1"],
            "names": ["kubernetes", "kubernetes.default"],
        },
    ),
    "keepalived.conf": ("ha/keepalived.conf", VIRTUAL_IP),
    "keepalived-ipv6.conf": ("ha/keepalived.conf", VIRTUAL_IP | IPV6),
    "haproxy.cfg": ("ha/haproxy.cfg", VIRTUAL_IP),
    "haproxy-ipv6.cfg": ("ha/haproxy.cfg", VIRTUAL_IP | IPV6),
    "alive.sh": ("ha/alive.sh", VIRTUAL_IP),
    "kube-vip.yaml": ("ha/kube-vip.yaml", VIRTUAL_IP),
    "edgeadm-haproxy.service": ("systemd/edgeadm-haproxy.service", VIRTUAL_IP),
    "edgeadm-keepalived.service": ("systemd/edgeadm-keepalived.service", VIRTUAL_IP),
    "edgeadm-vip-members.service": ("systemd/edgeadm-vip-members.service", VIRTUAL_IP),
    "shared-settings.yaml": (
        "addons/shared-settings.yaml",
        {"cni": "flannel", "bind_port": 6443, "virtual_ip": {}},
    ),
    "shared-settings-virtual-ip.yaml": (
        "addons/shared-settings.yaml",
        {"cni": "none", "bind_port": 6444, "virtual_ip": {"kind": "a2VlcGFsaXZlZA==", "port": "NjQ0Mw=="}},
    ),
    "certificates.yaml": (
        "addons/certificates.yaml",
        {
            "namespace": "edge-system",
            "secrets": {
                "tunnel-cloud-cert": {"cloud.crt": "Y3J0", "cloud.key": "a2V5"},
                "tunnel-edge-cert": {"ca.crt": "Y2E="},
            },
        },
    ),
    "tunnel.yaml": ("addons/tunnel.yaml", TUNNEL),
    "tunnel-cloud.yaml": ("addons/tunnel-cloud.yaml", TUNNEL),
    "tunnel-edge.yaml": ("addons/tunnel-edge.yaml", TUNNEL),
    "site-manager.yaml": (
        "addons/site-manager.yaml",
        {
            "namespace": "edge-system",
            "empty_namespace": "kins-system",
            "definitions": ["nodeunits.site.superedge.io", "nodegroups.site.superedge.io"],
            "site_manager_image": "example.org/site-manager:v0.9.0",
            "conversion_url": "https://site-manager.edge-system.svc.cluster.local:9000/v1",
            "ca": "Y2E=",
        },
    ),
    "fleet-nodetask.yaml": (
        "addons/fleet-nodetask.yaml",
        {"machines": fleet.MACHINES, "address": fleet.ADDRESS},
    ),
    "fleet-cluster.yaml": ("addons/fleet-cluster.yaml", {"address": fleet.ADDRESS}),
    "fleet-controller.yaml": ("addons/fleet-controller.yaml", FLEET),
    "edge-health.yaml": ("addons/edge-health.yaml", EDGE_HEALTH),
    "edge-health-edge.yaml": ("addons/edge-health.yaml", EDGE_HEALTH | {"cloud_votes": False}),
    "edge-dns.yaml": ("addons/edge-dns.yaml", EDGE_DNS),
    "edge-dns-old.yaml": (
        "addons/edge-dns.yaml",
        EDGE_DNS | {"address": "fd00::11", "host": "[fd00::11]", "fails_fast": False},
    ),
    "local.conf": ("edge/local.conf", {"server": "https://169.254.20.11:51003", "ca": "Y2E="}),
    "service-ip.nft": ("edge/service-ip.nft", SERVICE_IP),
    "service-ip-ipv6.nft": (
        "edge/service-ip.nft",
        SERVICE_IP | {"family": "ip6", "service_ip": "fd00:96::1", "place": "[fd00:20::11]:51003"},
    ),
    "drill.nft": ("edge/drill.nft", DRILL),
    "drill-refuse.nft": (
        "edge/drill.nft",
        DRILL
        | {
            "refuse": True,
            "places": [*DRILL["places"], {"family": "ip6", "address": "fd00::11", "port": 6444}],
        },
    ),
    "edgeadm-service-ip.service": ("systemd/edgeadm-service-ip.service", SERVICE_IP),
    "application-grid.yaml": ("addons/application-grid.yaml", GRID),
    "application-grid-strict.yaml": ("addons/application-grid.yaml", GRID | {"zones_image": ""}),
    "edge-kube-proxy.yaml": ("addons/edge-kube-proxy.yaml", PROXY),
    "edge-kube-proxy-strict.yaml": ("addons/edge-kube-proxy.yaml", PROXY | {"strict": True}),
    "egress.yaml": (
        "edge/egress.yaml",
        {
            "host": "10.96.0.80",
            "ca": "/etc/kubernetes/pki/ca.crt",
            "certificate": "/etc/kubernetes/pki/apiserver-kubelet-client.crt",
            "key": "/etc/kubernetes/pki/apiserver-kubelet-client.key",
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
