"""The directories of edgeadm, and the signs by which its files are known if the journal is lost. The rest of
what reset removes is declared by the phases: `ctx.inventory`."""

from __future__ import annotations

from edgeadm.node import cni_files, units
from edgeadm.node.kubeadm_documents import CONFIG as KUBEADM_CONFIG
from edgeadm.node.offline_files import HELPER
from edgeadm.node.paths import MODULES_FILE, SYSCTL_FILE
from edgeadm.package.manifest import TOOLS_ON_NODE

# edgeadm's own: removed last, because they show that edgeadm was here if the journal is missing.
OWN_FOLDERS = ("/etc/edgeadm", TOOLS_ON_NODE, "/var/lib/edgeadm")
# Directories that no other program uses.
PRIVATE_FOLDERS = (units.KUBELET_DROP_IN.rpartition("/")[0],)
SIGNS = (SYSCTL_FILE, MODULES_FILE, KUBEADM_CONFIG, *OWN_FOLDERS)
# Files whose bytes tell that edgeadm wrote them, with the template and the values that it may have used.
TEMPLATES: dict[str, tuple[str, tuple[dict[str, object], ...]]] = {
    units.KUBELET_FILE: ("systemd/kubelet.service", ({},)),
    units.KUBELET_DROP_IN: ("systemd/10-kubeadm.conf", ({},)),
    units.CONTAINERD_FILE: (
        "systemd/containerd.service",
        ({"can_lower_oom_score": True}, {"can_lower_oom_score": False}),
    ),
    cni_files.CONFLIST: ("cni/flannel.conflist", cni_files.EVERY_CONFLIST),
}
# Programs that come with a unit: where the unit is edgeadm's, they are, unless a package owns them.
PROGRAMS = {
    units.KUBELET_FILE: ("kubeadm", "kubelet", "kubectl"),
    units.CONTAINERD_FILE: ("containerd", "containerd-shim-runc-v2", "ctr", "runc"),
    units.LITE_APISERVER_FILE: ("lite-apiserver", HELPER.rpartition("/")[2]),
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
