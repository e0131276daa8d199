"""What each Kubernetes version can and wants. Everybody else asks here and compares no numbers.

Sources: kubeadm `cmd/kubeadm/app/util/config/common.go` (which release writes and reads which API),
`cmd/kubeadm/app/cmd/{init,join}.go` and `cmd/phases` (phases), `app/features/features.go` (feature gates),
`app/preflight/checks.go` (runtime), `pkg/kubelet/apis/config` (failCgroupV1), `known_features.go`;
containerd `RELEASES.md` (which containerd is tested with which Kubernetes). The end-to-end test
`test_kubeadm_config.py` asks the real kubeadm of each recipe.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgeadm.errors import UnsupportedVersionError

Minor = tuple[int, int]

# The releases that this file speaks of. Of a newer one it says the same as of the newest.
OLDEST: Minor = (1, 22)
NEWEST: Minor = (1, 37)
# The oldest Linux that kubeadm accepts.
KERNEL = "4.19"
OLDEST_RELEASE = f"v{OLDEST[0]}.{OLDEST[1]}.0"

# The first kubeadm that writes each API.
WRITES: tuple[tuple[Minor, str], ...] = (
    ((1, 31), "kubeadm.k8s.io/v1beta4"),
    ((1, 22), "kubeadm.k8s.io/v1beta3"),
)
# The first and the last kubeadm that read each API; NEWEST as the last one means that no end is known.
READS: dict[str, tuple[Minor, Minor]] = {
    "kubeadm.k8s.io/v1beta2": ((1, 15), (1, 26)),
    "kubeadm.k8s.io/v1beta3": ((1, 22), (1, 36)),
    "kubeadm.k8s.io/v1beta4": ((1, 31), NEWEST),
    "kubelet.config.k8s.io/v1beta1": (OLDEST, NEWEST),
    "kubeproxy.config.k8s.io/v1alpha1": (OLDEST, NEWEST),
}
GROUPS = frozenset(api.partition("/")[0] for api in READS)

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
INIT_CHILDREN = {
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
# `kubeadm join`'s own phases in order.
JOIN_PHASES = [
    "preflight",
    "control-plane-prepare",
    "check-etcd",
    "kubelet-start",
    "etcd-join",
    "kubelet-wait-bootstrap",
    "control-plane-join",
    "wait-control-plane",
]
JOIN_CHILDREN = {
    "control-plane-prepare": ["download-certs", "certs", "kubeconfig", "control-plane"],
    "control-plane-join": ["etcd", "update-status", "mark-control-plane"],
}
# The first release that has a phase, and the first that has it no more (update-status: at the latest).
SINCE: dict[str, Minor] = {
    "kubeconfig/super-admin": (1, 29),
    "show-join-command": (1, 23),
    "kubelet-finalize/enable-client-cert-rotation": (1, 31),
    "etcd-join": (1, 31),
    "kubelet-wait-bootstrap": (1, 31),
}
UNTIL: dict[str, Minor] = {
    "kubelet-finalize/experimental-cert-rotation": (1, 31),
    "control-plane-join/etcd": (1, 36),
    "control-plane-join/update-status": (1, 34),
}

# kubeadm's feature gates of GATES_SINCE and newer: the first and the last release that has the gate (NEWEST:
# no end is known). kubeadm takes both values of each, also of one that is locked.
GATES_SINCE: Minor = (1, 34)
GATES: dict[str, tuple[Minor, Minor]] = {
    "PublicKeysECDSA": ((1, 19), (1, 36)),
    "RootlessControlPlane": ((1, 22), NEWEST),
    "WaitForAllControlPlaneComponents": ((1, 30), (1, 34)),
    "ControlPlaneKubeletLocalMode": ((1, 31), (1, 35)),
    "NodeLocalCRISocket": ((1, 32), (1, 36)),
}

# The containerd releases that its makers test with a Kubernetes release: the first patch of each line.
CONTAINERD: dict[Minor, tuple[tuple[int, int, int], ...]] = {
    (1, 32): ((1, 6, 36), (1, 7, 24), (2, 0, 1), (2, 1, 0)),
    (1, 33): ((1, 6, 36), (1, 7, 24), (2, 0, 4), (2, 1, 0)),
    (1, 34): ((1, 6, 39), (1, 7, 28), (2, 0, 6), (2, 1, 3)),
    (1, 35): ((1, 7, 28), (2, 1, 5), (2, 2, 0)),
    (1, 36): ((2, 2, 0), (2, 3, 0)),
    (1, 37): ((2, 3, 0), (2, 4, 0)),
}
# CRI v1, the only one that kubelets since 1.26 speak; and the method RuntimeConfig, without which kubeadm
# warns, and from 1.38 on refuses.
CRI_V1 = (1, 6)
RUNTIME_CONFIG = (2, 0)
RUNTIME_CONFIG_NEEDED: Minor = (1, 38)


def minor(version: str) -> Minor:
    """v1.34.4 → (1, 34). Raises UnsupportedVersionError for a text that is not a Kubernetes version."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if not match:
        raise UnsupportedVersionError(f"`{version}` is not a Kubernetes version")
    return int(match[1]), int(match[2])


def shown(one: Minor) -> str:
    """(1, 34) → 1.34."""
    return f"{one[0]}.{one[1]}"


def is_known(version: str) -> bool:
    """Whether this file speaks of the release, not only of older ones."""
    return minor(version) <= NEWEST


def is_supported(version: str) -> bool:
    """Whether edgeadm can install the release. Raises UnsupportedVersionError for another text."""
    return OLDEST <= minor(version) <= NEWEST


def newest(versions: Iterable[str]) -> str:
    """The one with the highest minor release; empty if there is none."""
    return max(versions, key=minor, default="")


def release(version: str) -> str:
    """The upstream release of a vendor's version, v1.34.4-eks-1 → v1.34.4; empty for other texts."""
    match = re.match(r"v?(\d+\.\d+\.\d+)", version)
    return f"v{match[1]}" if match else ""


def same_release(one: str, other: str) -> bool:
    """Whether two spellings mean the same release."""
    return one.removeprefix("v") == other.removeprefix("v")


def label_fits(label: str, version: str) -> bool:
    """Whether a label that kubeadm resolves on the internet, such as `stable`, `latest-1` or `stable-1.37`
    (app/util/version.go), can mean this version."""
    match = re.fullmatch(r"(?:release/)?(?:stable|latest)(?:-(\d+)(?:\.(\d+))?)?", label)
    wanted = [int(part) for part in match.groups() if part] if match else [-1]
    return list(minor(version))[: len(wanted)] == wanted


def config_api(kubeadm: str) -> str:
    """The configuration API that this kubeadm writes. Raises UnsupportedVersionError where it is too old."""
    for since, api in WRITES:
        if minor(kubeadm) >= since:
            return api
    raise UnsupportedVersionError(
        f"kubeadm {kubeadm} is not supported",
        hint=f"edgeadm supports kubeadm {shown(OLDEST)} and newer; use a newer package",
    )


def reads(kubeadm: str, api: str) -> bool:
    """Whether this kubeadm reads documents of the API, which is one of GROUPS. A newer kubeadm than all that
    are known may read an API that is not known."""
    if api not in READS:
        return not is_known(kubeadm)
    first, last = READS[api]
    return first <= min(minor(kubeadm), NEWEST) <= last


def migration(kubeadm: str, api: str) -> list[tuple[str, str, str]]:
    """The steps of `kubeadm config migrate` from this API to one that this kubeadm reads: oldest and newest
    kubeadm minor release that can do the step, and the API that it writes. Empty if there is no such way."""
    steps = []
    for since, written in sorted(WRITES):
        if api not in READS or written == api or reads(kubeadm, api):
            continue
        until = min((first for first, _ in WRITES if first > since), default=(NEWEST[0], NEWEST[1] + 1))
        first, last = max(since, READS[api][0]), min((until[0], until[1] - 1), READS[api][1])
        if first <= last:
            steps.append((shown(first), shown(last), written))
            api = written
    return steps if reads(kubeadm, api) else []


def init_phases(kubeadm: str) -> list[str]:
    """Paths that this kubeadm's `init` takes in `--skip-phases` and `init phase`, groups included."""
    return _phases(INIT_PHASES, INIT_CHILDREN, minor(kubeadm))


def join_phases(kubeadm: str) -> list[str]:
    """Paths that this kubeadm's `join` takes in `--skip-phases` and `join phase`, groups included."""
    return _phases(JOIN_PHASES, JOIN_CHILDREN, minor(kubeadm))


def every_phase(verb: str) -> list[str]:
    """Paths of all releases, for `init` or `join`; the kubeadm that runs has the last word."""
    tops, children = (JOIN_PHASES, JOIN_CHILDREN) if verb == "join" else (INIT_PHASES, INIT_CHILDREN)
    return _phases(tops, children, None)


def _phases(tops: list[str], children: dict[str, list[str]], version: Minor | None) -> list[str]:
    paths = [path for top in tops for path in (top, *(f"{top}/{child}" for child in children.get(top, ())))]
    if version is None:
        return paths
    return [path for path in paths if SINCE.get(path, version) <= version < UNTIL.get(path, (99, 0))]


def programs_on_path(kubernetes: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Programs that this kubeadm's preflight requires, and those that it only warns about, if releases differ
    (`cmd/kubeadm/app/preflight/checks_linux.go`). Since 1.32 kube-proxy does not require conntrack, and no
    component calls the others."""
    return (("conntrack",), ("ethtool", "socat", "tc")) if minor(kubernetes) < (1, 32) else ((), ())


def feature_gate_fault(kubeadm: str, name: str) -> str:
    """Why this kubeadm refuses the feature gate, in words; empty if it takes it, or if that is not known: of
    releases before 1.34, and of a new gate in a release that is newer than all that are known."""
    version = min(minor(kubeadm), NEWEST)
    if version < GATES_SINCE or (name not in GATES and not is_known(kubeadm)):
        return ""
    first, last = GATES.get(name, (NEWEST, OLDEST))
    if version > last and name in GATES:
        return f"it was removed in {shown((last[0], last[1] + 1))}"
    return "" if first <= version <= last else "it does not exist"


def feature_gates(kubeadm: str) -> list[str]:
    """The feature gates of this kubeadm, those of 1.34 and newer."""
    version = min(minor(kubeadm), NEWEST)
    return sorted(name for name, (first, last) in GATES.items() if first <= version <= last)


def kubelet_refuses_cgroup_v1(kubernetes: str) -> bool:
    """Whether this kubelet starts on cgroup v1 only with `failCgroupV1: false` (since 1.35; Kubernetes means
    to remove the field, which 1.37 still has)."""
    return minor(kubernetes) >= (1, 35)


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


def has_admission_policies(kubernetes: str) -> bool:
    """Whether the API server has ValidatingAdmissionPolicy v1, and CEL functions for addresses
    (k8s.io/apiserver, pkg/cel/environment/base.go; GA in 1.30)."""
    return minor(kubernetes) >= (1, 30)


def coredns_fails_fast(version: str) -> bool:
    """Whether this CoreDNS can say at once that no resolver answers (`failfast_all_unhealthy_upstreams` of
    `forward`, since 1.12.1); False for what is not a version."""
    return re.match(r"v?\d+\.\d+\.\d+", version) is not None and _numbers(version) >= (1, 12, 1)


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


def may_join(kubelet: str, api_server: str) -> bool:
    """Whether a kubelet of this version may be in a cluster of that one: never newer, and at most three minor
    releases behind (two before 1.28)."""
    ours, theirs = minor(kubelet), minor(api_server)
    behind = theirs[1] - ours[1]
    return ours[0] == theirs[0] and 0 <= behind <= (3 if theirs >= (1, 28) else 2)


def kernel_too_old(release: str) -> bool:
    """Whether kubeadm's SystemVerification rejects this Linux (k8s.io/system-validators,
    validators/types_unix.go). A text that is not a release is not judged."""
    found = _numbers(release)[:2]
    return (0, 0) < found < _numbers(KERNEL)[:2]


def containerd_too_old(kubernetes: str, containerd: str) -> bool:
    """Whether this Kubernetes does not run on this containerd: it has no CRI v1, or, from 1.38 on, no
    RuntimeConfig."""
    return _numbers(containerd)[:2] < _containerd_needed(kubernetes)


def containerd_wanted(kubernetes: str, containerd: str) -> str:
    """The releases to which this containerd should be updated for this Kubernetes, in words: those that its
    makers test, else the oldest one that works and all newer ones."""
    tested = containerd_tested(kubernetes, containerd)
    return tested or f"{shown(_containerd_needed(kubernetes))} or newer"


def _containerd_needed(kubernetes: str) -> Minor:
    """The oldest containerd on which this Kubernetes runs."""
    return RUNTIME_CONFIG if minor(kubernetes) >= RUNTIME_CONFIG_NEEDED else CRI_V1


def containerd_tested(kubernetes: str, containerd: str) -> str:
    """Empty if containerd's makers test this containerd with this Kubernetes, or one newer than all that they
    name; else the releases that they test, in words."""
    lines = CONTAINERD.get(min(minor(kubernetes), NEWEST))
    found = _numbers(containerd)
    if lines is None or found[:2] > lines[-1][:2]:
        return ""
    if any(found[:2] == each[:2] and found >= each for each in lines):
        return ""
    return " or ".join(".".join(str(part) for part in each) for each in lines)


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else (0, 0, 0)
