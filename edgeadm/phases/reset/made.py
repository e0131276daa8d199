"""The inventory of edgeadm and a cluster's programs on a node, besides the files in the journal."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.package.manifest import TOOLS_ON_NODE
from edgeadm.phases import (
    before,
    cni,
    cni_join,
    edge_memory,
    edge_nic,
    kubelet,
    lite_apiserver,
    node,
    runtime,
    service_ip,
)
from edgeadm.phases.kubeadm_config import CONFIG as KUBEADM_CONFIG
from edgeadm.phases.lite_files import LINK
from edgeadm.phases.node_files import DRILL, HELPER, KEEP, REPAIR
from edgeadm.phases.virtual_ip import files

CNI_NETWORK = "cbr0"  # the name in our conflist


@dataclass(frozen=True)
class Unit:
    """A systemd unit that is edgeadm's where it wrote the file."""

    name: str
    file: str


# In the order in which they stop. containerd is among them, as `runtime` says when.
UNITS = (
    Unit("kubelet", kubelet.UNIT),
    *(Unit(name, f"{files.UNITS}/{name}.service") for name in reversed(files.SERVICES)),
    Unit(KEEP, edge_memory.KEEP_UNIT),
    Unit(lite_apiserver.TIMER, lite_apiserver.TIMER_UNIT),
    Unit(f"{lite_apiserver.RENEWAL}.service", lite_apiserver.RENEWAL_UNIT),
    Unit(service_ip.SERVICE, service_ip.UNIT),
    Unit(lite_apiserver.SERVICE, lite_apiserver.UNIT),
    Unit(edge_nic.SERVICE, edge_nic.UNIT),
    Unit("containerd", runtime.UNIT),
    Unit(REPAIR, edge_memory.REPAIR_UNIT),
)
LINKS = ("cni0", "flannel.1", "flannel-v6.1", "kube-ipvs0", LINK)
NFT_TABLES = (
    *("ip kube-proxy", "ip6 kube-proxy", "ip flannel-ipv4", "ip6 flannel-ipv6"),
    *(f"{family} {service_ip.TABLE}" for family in ("ip", "ip6")),
    DRILL,  # not in the journal: it is there if a drill was killed and its timer has not fired yet
)
# Emptied and removed, unless something was in them before edgeadm.
CLUSTER_PLACES = before.CLUSTER_PLACES
RUNTIME_PLACES = before.RUNTIME_PLACES
# Removed if empty, unless they existed before edgeadm.
SHARED_FOLDERS = before.SHARED_FOLDERS
# edgeadm's own: removed last, because they show that edgeadm was here if the journal is missing.
OWN_FOLDERS = ("/etc/edgeadm", TOOLS_ON_NODE, "/var/lib/edgeadm")
# Directories that no other program uses.
PRIVATE_FOLDERS = (kubelet.DROP_IN.rpartition("/")[0],)
SIGNS = (node.SYSCTL_FILE, node.MODULES_FILE, KUBEADM_CONFIG, *OWN_FOLDERS)
# Files whose bytes tell that edgeadm wrote them, with the template and the values that it may have used.
TEMPLATES: dict[str, tuple[str, tuple[dict[str, object], ...]]] = {
    kubelet.UNIT: ("systemd/kubelet.service", ({},)),
    kubelet.DROP_IN: ("systemd/10-kubeadm.conf", ({},)),
    runtime.UNIT: (
        "systemd/containerd.service",
        ({"can_lower_oom_score": True}, {"can_lower_oom_score": False}),
    ),
    cni.CONFLIST: ("cni/flannel.conflist", cni_join.EVERY_CONFLIST),
}
# Programs that come with a unit: where the unit is edgeadm's, they are, unless a package owns them.
PROGRAMS = {
    kubelet.UNIT: ("kubeadm", "kubelet", "kubectl"),
    runtime.UNIT: ("containerd", "containerd-shim-runc-v2", "ctr", "runc"),
    lite_apiserver.UNIT: ("lite-apiserver", HELPER.rpartition("/")[2]),
}
PLUGINS = (
    *("bandwidth", "bridge", "dhcp", "dummy", "edge-ipam", "firewall", "flannel", "host-device"),
    *(
        "host-local",
        "ipvlan",
        "loopback",
        "macvlan",
        "portmap",
        "ptp",
        "sbr",
        "static",
        "tap",
        "tuning",
        "vlan",
        "vrf",
    ),
)
