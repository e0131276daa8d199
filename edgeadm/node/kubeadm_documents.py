"""kubeadm's configuration on this host: the written documents, and the settings of this node in new ones."""

from __future__ import annotations

from typing import Any

from edgeadm import yaml_text
from edgeadm.core.phase import Context
from edgeadm.errors import CommandError, ConfigError
from edgeadm.hosts import facts
from edgeadm.kubeadm import compat
from edgeadm.node.state import kubernetes_version, own_address, tolerates_cgroup_v1

CONFIG = "/etc/edgeadm/kubeadm.yaml"
SOCKET = "unix:///run/containerd/containerd.sock"
NOT_INSTALLED = 127  # before the phase `package` there may be no kubeadm


def documents(ctx: Context) -> list[dict[str, Any]]:
    """The documents that are on the host."""

    return [each for each in yaml_text.load_all(ctx.host.read(CONFIG) or b"") if each]


def document(ctx: Context, kind: str) -> dict[str, Any]:
    """One of the documents, or an empty mapping."""
    return next((each for each in documents(ctx) if each.get("kind") == kind), {})


def ignored_checks(ctx: Context) -> tuple[str, ...]:
    """kubeadm is stricter than needed about cgroup v1, even where the kubelet was told to live with it."""
    asked = ctx.config.kubeadm.ignore_preflight_errors
    return (*asked, "SystemVerification") if tolerates_cgroup_v1(ctx) else asked


def node_ip(ctx: Context) -> tuple[tuple[str, str], ...]:
    """The kubelet's address, always said: left alone it takes the virtual IP on the machine that holds it."""
    address = own_address(ctx)
    return (("node-ip", address),) if address else ()


def cgroup_driver(ctx: Context) -> str:
    """The runtime's own: two managers of one tree fight."""
    if ctx.config.ignore_runtime or ctx.journal.ours("/usr/bin/containerd"):
        return "systemd"
    found = facts.runtime(ctx.host)
    return "systemd" if found is None or found.systemd_cgroup else "cgroupfs"


def let_kubeadm_validate(ctx: Context, wanted: bytes) -> None:
    """Let the kubeadm that will read it say whether it is good. Raises ConfigError with its words."""
    if not compat.config_can_validate(kubernetes_version(ctx)):
        return
    answer = ctx.host.ask("kubeadm", "config", "validate", "--config", "/dev/stdin", stdin=wanted)
    if answer.code not in (0, NOT_INSTALLED):
        try:
            answer.checked()
        except CommandError as error:
            raise ConfigError(
                "kubeadm rejects the configuration",
                context=error.context,
                hint="`edgeadm config print` shows the configuration that kubeadm would get",
            ) from error
