"""Names and files of the systemd units that edgeadm installs on nodes."""

from __future__ import annotations

from edgeadm.core.phase import Context

FOLDER = "/etc/systemd/system"
CONTAINERD = "containerd"
CONTAINERD_FILE = f"{FOLDER}/containerd.service"
KUBELET = "kubelet"
KUBELET_FILE = f"{FOLDER}/kubelet.service"
KUBELET_DROP_IN = f"{FOLDER}/kubelet.service.d/10-kubeadm.conf"
# On edge nodes.
REPAIR = "edgeadm-repair"  # repairs damage of a power cut at each boot
REPAIR_FILE = f"{FOLDER}/{REPAIR}.service"
KEEP = "edgeadm-keep"  # copies the state that a power cut could damage
KEEP_FILE = f"{FOLDER}/{KEEP}.service"
NIC = "edgeadm-nic"  # adds the virtual address, and routes to Services
NIC_FILE = f"{FOLDER}/{NIC}.service"
LITE_APISERVER = "lite-apiserver"
LITE_APISERVER_FILE = f"{FOLDER}/{LITE_APISERVER}.service"
RENEWAL = "edgeadm-certificate.service"  # renews lite-apiserver's certificate
RENEWAL_FILE = f"{FOLDER}/{RENEWAL}"
RENEWAL_TIMER = "edgeadm-certificate.timer"
RENEWAL_TIMER_FILE = f"{FOLDER}/{RENEWAL_TIMER}"
SERVICE_IP = "edgeadm-service-ip"  # redirects the Service `kubernetes`
SERVICE_IP_FILE = f"{FOLDER}/{SERVICE_IP}.service"


def start_at_boot(ctx: Context, *units: str) -> None:
    """Enable the units. systemd also reloads all unit files, so no separate reload is necessary."""
    ctx.host.run("systemctl", "enable", "--quiet", *units)
