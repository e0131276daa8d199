"""What each Kubernetes version can and wants. Everybody else asks here and compares no numbers.

Sources: kubeadm `cmd/kubeadm/app/util/config/common.go` (which release writes and reads which API),
`cmd/kubeadm/app/cmd/init.go` (phases), `pkg/kubelet/apis/config` (failCgroupV1), `known_features.go`.
"""

from __future__ import annotations

import re

from edgeadm.errors import UnsupportedVersionError

Minor = tuple[int, int]

OLDEST: Minor = (1, 22)

# The first kubeadm that writes each API.
WRITES: tuple[tuple[Minor, str], ...] = (
    ((1, 31), "kubeadm.k8s.io/v1beta4"),
    ((1, 22), "kubeadm.k8s.io/v1beta3"),
)
# The first and the last kubeadm that read each API.
READS: dict[str, tuple[Minor, Minor | None]] = {
    "kubeadm.k8s.io/v1beta2": ((1, 15), (1, 26)),
    "kubeadm.k8s.io/v1beta3": ((1, 22), None),
    "kubeadm.k8s.io/v1beta4": ((1, 31), None),
}

# `kubeadm init`'s own phases in order, and those that came or went.
INIT_PHASES = [
    "preflight",
    "certs",
    "kubeconfig",
    "etcd",
    "control-plane",
    "kubelet-start",
    "wait-control-plane",
    "upload-config",
    "upload-certs",
    "mark-control-plane",
    "bootstrap-token",
    "kubelet-finalize",
    "addon",
    "show-join-command",
]
CHILDREN = {
    "certs": [
        "ca",
        "apiserver",
        "apiserver-kubelet-client",
        "front-proxy-ca",
        "front-proxy-client",
        "etcd-ca",
        "etcd-server",
        "etcd-peer",
        "etcd-healthcheck-client",
        "apiserver-etcd-client",
        "sa",
    ],
    "kubeconfig": ["admin", "super-admin", "kubelet", "controller-manager", "scheduler"],
    "etcd": ["local"],
    "control-plane": ["apiserver", "controller-manager", "scheduler"],
    "upload-config": ["kubeadm", "kubelet"],
    "kubelet-finalize": ["enable-client-cert-rotation", "experimental-cert-rotation"],
    "addon": ["coredns", "kube-proxy"],
}
SINCE: dict[str, Minor] = {
    "kubeconfig/super-admin": (1, 29),
    "show-join-command": (1, 23),
    "kubelet-finalize/enable-client-cert-rotation": (1, 31),
}
UNTIL: dict[str, Minor] = {"kubelet-finalize/experimental-cert-rotation": (1, 31)}


def minor(version: str) -> Minor:
    """v1.34.4 → (1, 34). Raises UnsupportedVersionError for what is not a Kubernetes version."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if not match:
        raise UnsupportedVersionError(f"`{version}` is not a Kubernetes version")
    return int(match[1]), int(match[2])


def release(version: str) -> str:
    """The release that a vendor's version is made of, v1.34.4-eks-1 → v1.34.4; empty where it is none."""
    match = re.match(r"v?(\d+\.\d+\.\d+)", version)
    return f"v{match[1]}" if match else ""


def same_release(one: str, other: str) -> bool:
    """Whether two spellings mean the same release."""
    return one.removeprefix("v") == other.removeprefix("v")


def config_api(kubeadm: str) -> str:
    """The configuration API that this kubeadm writes. Raises UnsupportedVersionError where it is too old."""
    for since, api in WRITES:
        if minor(kubeadm) >= since:
            return api
    raise UnsupportedVersionError(
        f"kubeadm {kubeadm} is not supported",
        hint=f"edgeadm drives kubeadm {OLDEST[0]}.{OLDEST[1]} and newer; use a newer package",
    )


def reads(kubeadm: str, api: str) -> bool:
    """Whether this kubeadm reads documents of the API."""
    if api not in READS:
        return False
    first, last = READS[api]
    return first <= minor(kubeadm) and (last is None or minor(kubeadm) <= last)


def init_phases(kubeadm: str) -> list[str]:
    """Paths that this kubeadm's `init` takes in `--skip-phases` and `init phase`, groups included."""
    version = minor(kubeadm)
    paths = [
        path for top in INIT_PHASES for path in (top, *(f"{top}/{child}" for child in CHILDREN.get(top, ())))
    ]
    return [path for path in paths if SINCE.get(path, version) <= version < UNTIL.get(path, (99, 0))]


def programs_on_path(kubernetes: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Programs that this kubeadm's preflight refuses to go on without, and those that it only warns of, where
    they differ between releases (`cmd/kubeadm/app/preflight/checks_linux.go`). Since 1.32 kube-proxy
    needs no conntrack, and nothing calls the others."""
    return (("conntrack",), ("ethtool", "socat", "tc")) if minor(kubernetes) < (1, 32) else ((), ())


def kubelet_refuses_cgroup_v1(kubernetes: str) -> bool:
    """Whether this kubelet starts on cgroup v1 only with `failCgroupV1: false` (since 1.35)."""
    return minor(kubernetes) >= (1, 35)


def kubelet_knows_fail_cgroup_v1(kubernetes: str) -> bool:
    """Whether KubeletConfiguration has the field `failCgroupV1`."""
    return minor(kubernetes) >= (1, 31)


def has_super_admin(kubeadm: str) -> bool:
    """Whether admin.conf has no rights until kubeadm, as the user of super-admin.conf, gives them (1.29)."""
    return minor(kubeadm) >= SINCE["kubeconfig/super-admin"]


def config_can_validate(kubeadm: str) -> bool:
    """Whether there is a `kubeadm config validate`."""
    return minor(kubeadm) >= (1, 26)


def watches_lists(kubernetes: str) -> bool:
    """Whether clients ask for lists as watches, which lite-apiserver cannot cache (WatchListClient)."""
    return minor(kubernetes) >= (1, 35)


def kubelet_config_can_be_patched(kubeadm: str) -> bool:
    """Whether kubeadm lays patches over the kubelet's configuration (since 1.25)."""
    return minor(kubeadm) >= (1, 25)


def coredns_fails_fast(version: str) -> bool:
    """Whether this CoreDNS can say at once that no resolver answers (`failfast_all_unhealthy_upstreams` of
    `forward`, since 1.12.1); False for what is not a version."""
    numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return numbers is not None and tuple(int(part) for part in numbers.groups()) >= (1, 12, 1)


def knows_watch_list_client(kubernetes: str) -> bool:
    """Whether kube-proxy has the feature gate WatchListClient: from 1.30 on it takes client-go's gates."""
    return minor(kubernetes) >= (1, 30)


def kube_proxy_alive(kubernetes: str) -> str:
    """Where kube-proxy says that it is alive. Since 1.28 this is not where it says that its node takes
    traffic."""
    return "/livez" if minor(kubernetes) >= (1, 28) else "/healthz"


def traffic_distribution(kubernetes: str) -> str:
    """What a Service's `trafficDistribution` says for the zone of who asks: there since 1.31, renamed in
    1.34; empty before."""
    if minor(kubernetes) >= (1, 34):
        return "PreferSameZone"
    return "PreferClose" if minor(kubernetes) >= (1, 31) else ""


# How many minor releases a kubelet may be behind its API server (three since 1.28; kubeadm asks for no less).
KUBELET_SKEW = 3

# `kubeadm join`'s own phases of all releases, for `--skip-phases`; the binary has the last word.
JOIN_PHASES = [
    "preflight",
    "control-plane-prepare",
    "control-plane-prepare/download-certs",
    "control-plane-prepare/certs",
    "control-plane-prepare/kubeconfig",
    "control-plane-prepare/control-plane",
    "check-etcd",
    "kubelet-start",
    "etcd-join",
    "kubelet-wait-bootstrap",
    "control-plane-join",
    "control-plane-join/etcd",
    "control-plane-join/update-status",
    "control-plane-join/mark-control-plane",
    "wait-control-plane",
]
