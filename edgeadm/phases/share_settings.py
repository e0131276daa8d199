"""Settings for joining hosts, published in the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm.config.control_plane import bind_port
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.files import renderer
from edgeadm.node.state import ADMIN_CONF
from edgeadm.node.virtual_ip.settings import kept_settings
from edgeadm.pki import encoded

KNOWN_CNI = ("flannel", "none")


@dataclass(frozen=True)
class ShareSettings(Phase):
    """Publishes the settings for joining hosts: a ConfigMap that all bootstrap tokens may read, and a Secret
    with the virtual IP's settings for control planes."""

    name: str = "share-settings"
    summary: str = "publish shared node settings in the cluster"

    def check(self, ctx: Context) -> Verdict:
        if ctx.host.stat(ADMIN_CONF) is None:
            return Verdict(needed=True, reason="there is no cluster yet")
        differing = ctx.connect().differing(_objects(ctx))
        if differing:
            return Verdict(needed=True, reason=f"to apply: {', '.join(differing)}")
        return Verdict(needed=False, reason="the settings are published")

    def apply(self, ctx: Context) -> None:
        ctx.connect().apply(_objects(ctx))


def _objects(ctx: Context) -> list[dict[str, Any]]:
    held = kept_settings(ctx)
    values = {
        "cni": ctx.config.cni if ctx.config.cni in KNOWN_CNI else "manifest",
        "bind_port": held.shared.bind_port if held else bind_port(ctx.config),
        "virtual_ip": {key: encoded(text.encode()) for key, text in held.values().items()} if held else {},
    }
    return renderer(ctx).objects("addons/shared-settings.yaml", values)
