"""The base of the phases that run kubeadm, and the inventory of a cluster on a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgeadm.config.kubeadm_defaults import KUBERNETES
from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context, Phase
from edgeadm.errors import CommandError, PhaseError
from edgeadm.node.lite_files import DATA as LITE_DATA
from edgeadm.node.state import KUBEADM

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


@dataclass(frozen=True)
class KubeadmRun(Phase):
    """The base of phases that run kubeadm. A subclass sets `end_of_talk`, the line from which kubeadm prints
    next steps: edgeadm prints its own."""

    name: str = KUBEADM
    leaves: ClassVar[Leaves] = OF_A_CLUSTER
    end_of_talk: ClassVar[str]

    def run(self, ctx: Context, command: Sequence[str], hint: str) -> None:
        """Run `kubeadm VERB …`, and print its lines. Raises PhaseError with kubeadm's output and the hint."""
        quiet = False

        def line(text: str) -> None:
            nonlocal quiet
            quiet = quiet or self.end_of_talk in text
            if not quiet:
                ctx.say(text)

        try:
            ctx.host.run(*command, on_line=line)
        except CommandError as error:
            raise PhaseError(f"{' '.join(command[:2])} failed", context=error.context, hint=hint) from error
