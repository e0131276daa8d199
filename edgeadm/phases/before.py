"""What a machine looked like before edgeadm: programs that a cluster brings change it without asking us."""

from __future__ import annotations

from typing import Any

from edgeadm.config.kubeadm_defaults import KUBERNETES
from edgeadm.core.phase import Context
from edgeadm.hosts import iptables
from edgeadm.phases.common import KUBELET_CONF
from edgeadm.phases.lite_files import DATA as LITE_DATA

EVENT = "before"
# Kernel parameters that edgeadm, the kubelet, kube-proxy and flannel set.
SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.default.forwarding",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.route_localnet",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.forwarding",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
)
# Folders and files that a cluster's programs make wherever they run.
CLUSTER_PLACES = (
    KUBERNETES,
    "/var/lib/kubelet",
    "/var/lib/etcd",
    "/var/lib/cni",
    "/var/lib/flannel",
    "/run/cni",
    "/run/flannel",
    "/run/xtables.lock",
    "/var/log/pods",
    "/var/log/containers",
    "/usr/libexec/kubernetes",
    LITE_DATA,
)
RUNTIME_PLACES = ("/var/lib/containerd", "/run/containerd", "/run/nri", "/opt/containerd")
# Those that others use as well: they go only when nothing is in them, the inner ones first.
SHARED_FOLDERS = (
    "/run/netns",
    "/etc/cni/net.d",
    "/etc/cni",
    "/opt/cni/bin",
    "/opt/cni",
    "/etc/containerd",
    "/etc/ssl/certs",
    "/etc/ssl",
    "/usr/lib/modules",
    LITE_DATA.rpartition("/")[0],
)
# AppArmor profiles that a cluster's programs load: containerd does with the first container.
PROFILES = ("cri-containerd.apparmor.d",)
LOADED = "/sys/kernel/security/apparmor/profiles"
TABLES = tuple(
    f"{family} {name}" for family in ("ip", "ip6") for name in ("filter", "nat", "mangle", "raw", "security")
)


def remember(ctx: Context) -> None:
    """Write it into the journal, once."""
    if not remembered(ctx):
        places = (*CLUSTER_PLACES, *RUNTIME_PLACES, *SHARED_FOLDERS)
        ctx.journal.add(
            EVENT,
            sysctls={name: value for name in SYSCTLS if (value := sysctl(ctx, name)) is not None},
            places={path: _state(ctx, path) for path in places},
            tables=packet_filter(ctx),
            profiles=profiles(ctx),
        )


def remembered(ctx: Context) -> dict[str, Any]:
    """The record; empty where there is none."""
    return next((record.detail for record in ctx.journal.records() if record.event == EVENT), {})


def is_due(ctx: Context) -> bool:
    """Whether there is no record yet, and the machine is still as it was."""
    return not remembered(ctx) and ctx.host.stat(KUBELET_CONF) is None


def sysctl(ctx: Context, name: str) -> str | None:
    """A kernel parameter's value now; None where this kernel has none of that name."""
    found = ctx.host.read("/proc/sys/" + name.replace(".", "/"))
    return None if found is None else found.decode().strip()


def profiles(ctx: Context) -> list[str]:
    """Those of PROFILES that are loaded; none on a kernel without AppArmor."""
    lines = (ctx.host.read(LOADED) or b"").decode().splitlines()
    loaded = {line.rpartition(" (")[0] for line in lines}  # `NAME (enforce)`
    return [each for each in PROFILES if each in loaded]


def packet_filter(ctx: Context) -> dict[str, list[str]] | None:
    """The packet filter's tables as `family name`, each with its chains; None where they cannot be listed."""
    answer = ctx.host.ask("nft", "list", "chains")
    return iptables.parse_chains(answer.out) if answer.code == 0 else None


def _state(ctx: Context, path: str) -> dict[str, Any] | None:
    found = ctx.host.stat(path)
    if found is None:
        return None
    return {"kind": found.kind, "mode": found.mode, "empty": not ctx.host.names(path)}
