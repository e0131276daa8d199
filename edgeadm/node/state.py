"""The state of this host as a node: its version, its role, its address and its runtime."""

from __future__ import annotations

from edgeadm.config import kubeadm_defaults
from edgeadm.config.own_node import given_address
from edgeadm.core.journal import Journal
from edgeadm.core.phase import Context
from edgeadm.errors import PhaseError
from edgeadm.hosts import facts
from edgeadm.kubeadm import compat

ADMIN_CONF = kubeadm_defaults.ADMIN_CONF
KUBELET_CONF = kubeadm_defaults.KUBELET_CONF
KUBEADM, RUNTIME = "kubeadm", "runtime"  # names of phases
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"  # the label of such nodes


def kubernetes_version(ctx: Context) -> str:
    """The version that this node is made of: the package's, else the kubeadm binary's."""
    version = ctx.package.manifest.kubernetes if ctx.package else facts.kubeadm_version(ctx.host)
    if not version:
        raise PhaseError(
            "kubeadm is not installed, and no package was given",
            hint="pass `--install-pkg-path`, or install kubeadm from your distribution's Kubernetes packages",
        )
    return version


def resuming(ctx: Context) -> bool:
    """Whether an earlier run of this verb created state that preflight would attribute to another cluster."""
    return begun(ctx.journal)


def begun(journal: Journal) -> bool:
    """Whether the journal contains a run of its verb that reached kubeadm or the kubelet."""
    return any(journal.begun(journal.verb, phase) for phase in (KUBEADM, "kubelet"))


def kubeadm_was_cut_off(ctx: Context, verb: str) -> bool:
    """Whether edgeadm was killed or failed while `kubeadm init` or `kubeadm join` ran here."""
    return ctx.journal.unfinished(verb, KUBEADM)


def is_control_plane(ctx: Context) -> bool:
    """Whether kubeadm completed on this host: it was not interrupted, and its files for a control plane
    exist."""
    finished = not kubeadm_was_cut_off(ctx, "init")
    return finished and all(ctx.host.stat(path) is not None for path in (ADMIN_CONF, KUBELET_CONF))


def own_address(ctx: Context) -> str:
    """The address at which other nodes reach this one; empty if unknown."""
    return given_address(ctx.config) or facts.default_address(ctx.host)


def runtime_is_ours(ctx: Context) -> bool:
    """Whether edgeadm manages containerd: the package contains it, and the host has none of its own."""
    if ctx.config.ignore_runtime or ctx.package is None or not ctx.package.has("bin/containerd"):
        return False
    return ctx.journal.ours("/usr/bin/containerd") or facts.runtime(ctx.host) is None


def tolerates_cgroup_v1(ctx: Context) -> bool:
    """Whether the kubelet must be configured for cgroup v1."""
    return facts.cgroup_version(ctx.host) == 1 and compat.kubelet_refuses_cgroup_v1(kubernetes_version(ctx))
