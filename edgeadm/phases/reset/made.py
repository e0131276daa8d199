"""The directories of edgeadm, and the signs by which its files are known if the journal is lost. The rest of
what reset removes is declared by the phases: `ctx.inventory`."""

from __future__ import annotations

from edgeadm.package.manifest import TOOLS_ON_NODE
from edgeadm.phases import cni, cni_join, kubelet, lite_apiserver, node, runtime
from edgeadm.phases.kubeadm_config import CONFIG as KUBEADM_CONFIG
from edgeadm.phases.node_files import HELPER

CNI_NETWORK = "cbr0"  # the name in our conflist
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
