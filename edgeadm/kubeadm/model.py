"""What edgeadm wants of kubeadm, free of any version of kubeadm's API: the hub of the conversions."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeadm.config.model import KubeadmDocument, KubeadmFlags
from edgeadm.config.secret import Secret


@dataclass(frozen=True)
class JoinModel:
    """One `kubeadm join`, by a kubeconfig that names the cluster and holds the token."""

    kubeconfig: str
    cri_socket: str
    token: Secret
    flags: KubeadmFlags = field(default_factory=KubeadmFlags)
    documents: tuple[KubeadmDocument, ...] = ()
    control_plane: bool = False
    ignore_preflight_errors: tuple[str, ...] = ()
    skip_phases: tuple[str, ...] = ()
    kubelet_args: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = ()
    taints: tuple[str, ...] = ()
    patches: str = ""
    advertise_address: str = ""
    bind_port: int | None = None


@dataclass(frozen=True)
class KubeadmModel:
    """One `kubeadm init`. `documents` are the user's own, which flags and edgeadm's needs are laid over.
    `packed` tells that `kubernetes_version` is a package's: a label such as `stable-1` then means that
    version and is not resolved on the internet."""

    kubernetes_version: str
    cri_socket: str
    token: Secret
    flags: KubeadmFlags = field(default_factory=KubeadmFlags)
    documents: tuple[KubeadmDocument, ...] = ()
    certificate_key: Secret = field(default_factory=Secret)
    pod_subnet: str = ""
    ignore_preflight_errors: tuple[str, ...] = ()
    skip_phases: tuple[str, ...] = ()
    kubelet_args: tuple[tuple[str, str], ...] = ()
    cgroup_driver: str = "systemd"
    tolerate_cgroup_v1: bool = False
    fixed_conntrack: bool = False
    advertise_address: str = ""
    bind_port: int | None = None
    endpoint: str = ""
    patches: str = ""
    packed: bool = False
