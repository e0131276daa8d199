"""The virtual IP with kube-vip."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.config.control_plane import KUBE_VIP
from edgeadm.config.kubeadm_defaults import MANIFESTS, SUPER_ADMIN_CONF
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.kubeadm import compat
from edgeadm.node.files import difference, renderer, with_mode
from edgeadm.node.state import ADMIN_CONF, is_control_plane, kubernetes_version
from edgeadm.node.virtual_ip.settings import FILE, Settings, is_unasked, settings

MANIFEST = f"{MANIFESTS}/kube-vip.yaml"
IMAGE = "ghcr.io/kube-vip/kube-vip:v1.2.2"
PATIENCE = 60.0
POLL = 0.5


@dataclass(frozen=True)
class KubeVip(Phase):
    """kube-vip as a static Pod: the control plane that has its lease holds the virtual IP.

    Before the first control plane exists, only the user of super-admin.conf has permissions (since Kubernetes
    1.29), and kubeadm needs the address to grant others: kube-vip starts with that file.
    """

    name: str = "kube-vip"
    summary: str = "manage the virtual IP with kube-vip"

    def check(self, ctx: Context) -> Verdict:
        if is_unasked(ctx):
            return Verdict(needed=True, reason="known after this host has joined as a control plane")
        wanted = _wanted(ctx)
        if wanted is None:
            return Verdict(needed=False, reason="kube-vip was not requested")
        if reason := difference(ctx, with_mode(_files(ctx, wanted), 0o600)):
            return Verdict(needed=True, reason=reason)
        return Verdict(needed=False, reason=f"kube-vip is ready to hold {wanted.shared.address}")

    def apply(self, ctx: Context) -> None:
        wanted = _wanted(ctx)
        if wanted is not None:
            ctx.host.write_all(with_mode(_files(ctx, wanted), 0o600))


@dataclass(frozen=True)
class KubeVipSettled(KubeVip):
    """Once there is a cluster, kube-vip switches to admin.conf, because super-admin.conf bypasses RBAC."""

    name: str = "kube-vip-admin"
    summary: str = "switch kube-vip to admin.conf"

    def apply(self, ctx: Context) -> None:
        super().apply(ctx)
        if _wanted(ctx) is None or ctx.host.stat(ADMIN_CONF) is None:
            return
        ctx.wait.until(
            "the API server responds at the virtual IP",
            lambda: ctx.connect().ready(),
            seconds=PATIENCE,
            every=POLL,
            hint="`crictl logs` of the container kube-vip shows the cause",
        )


def _wanted(ctx: Context) -> Settings | None:
    found = settings(ctx)
    return found if found is not None and found.shared.kind == KUBE_VIP else None


def _files(ctx: Context, wanted: Settings) -> dict[str, bytes]:
    first = not is_control_plane(ctx) and compat.has_super_admin(kubernetes_version(ctx))
    values = {
        "address": wanted.shared.address,
        "port": wanted.shared.port,
        "interface": wanted.interface,
        "image": _image(ctx),
        "kubeconfig": SUPER_ADMIN_CONF if first else ADMIN_CONF,
    }
    return {FILE: wanted.text(), MANIFEST: renderer(ctx).text("ha/kube-vip.yaml", values).encode()}


def _image(ctx: Context) -> str:
    return (ctx.package.image_named("kube-vip") if ctx.package else "") or IMAGE
