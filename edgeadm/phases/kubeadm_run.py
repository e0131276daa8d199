"""Runs kubeadm: prints its lines until its closing text, and raises its failure as a phase's."""

from __future__ import annotations

from collections.abc import Sequence

from edgeadm.config.kubeadm_defaults import KUBERNETES
from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context
from edgeadm.errors import CommandError, PhaseError
from edgeadm.phases.lite_files import DATA as LITE_DATA

# The inventory of kubelet, etcd, kube-proxy and the container runtime of a cluster.
OF_A_CLUSTER = Leaves(
    links=("kube-ipvs0",),
    tables=("ip kube-proxy", "ip6 kube-proxy"),
    places=(
        KUBERNETES,
        "/var/lib/kubelet",
        "/var/lib/etcd",
        "/var/log/pods",
        "/var/log/containers",
        "/usr/libexec/kubernetes",
        LITE_DATA,
    ),
    shared=("/run/netns", "/etc/ssl/certs", "/etc/ssl", "/usr/lib/modules"),
    sysctls=(
        "net.ipv4.conf.all.route_localnet",
        "net.netfilter.nf_conntrack_max",
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        "net.netfilter.nf_conntrack_tcp_be_liberal",
        "kernel.keys.root_maxbytes",
        "kernel.keys.root_maxkeys",
        "kernel.panic",
        "kernel.panic_on_oops",
        "vm.overcommit_memory",
        "vm.panic_on_oom",
    ),
    profiles=("cri-containerd.apparmor.d",),  # loaded with the first container
)


def run_kubeadm(ctx: Context, command: Sequence[str], end_of_talk: str, hint: str) -> None:
    """Run `kubeadm VERB …`. From `end_of_talk` on it speaks of next steps, which edgeadm words itself.

    Raises PhaseError with kubeadm's own words and the hint."""
    quiet = False

    def line(text: str) -> None:
        nonlocal quiet
        quiet = quiet or end_of_talk in text
        if not quiet:
            ctx.say(text)

    try:
        ctx.host.run(*command, on_line=line)
    except CommandError as error:
        raise PhaseError(f"{' '.join(command[:2])} failed", context=error.context, hint=hint) from error
