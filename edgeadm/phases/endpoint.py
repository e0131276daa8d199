"""Where the API server of this cluster is."""

from __future__ import annotations

from urllib.parse import urlsplit

from edgeadm import yaml_text
from edgeadm.config.control_plane import virtual_ip
from edgeadm.core.phase import Context
from edgeadm.hosts import facts
from edgeadm.phases.common import ADMIN_CONF
from edgeadm.phases.kubeadm_config import document

PORT = 6443


def api_endpoint(ctx: Context) -> tuple[str, int]:
    """Host and port: as admin.conf has them, and before there is one as kubeadm will write them there."""

    kubeconfig = ctx.host.read(ADMIN_CONF)
    if kubeconfig is not None:
        server = urlsplit(yaml_text.load(kubeconfig)["clusters"][0]["cluster"]["server"])
        return server.hostname or "", server.port or PORT
    shared = virtual_ip(ctx.config)
    if shared:
        return shared.address, shared.port
    flags = ctx.config.kubeadm
    local = document(ctx, "InitConfiguration").get("localAPIEndpoint", {})
    stable = flags.control_plane_endpoint or document(ctx, "ClusterConfiguration").get("controlPlaneEndpoint")
    own = (
        flags.apiserver_advertise_address or local.get("advertiseAddress") or facts.default_address(ctx.host)
    )
    port = flags.apiserver_bind_port or local.get("bindPort") or PORT
    if not stable:
        return own, port
    found = urlsplit(f"//{stable}")
    return found.hostname or "", found.port or port


def shown_endpoint(ctx: Context) -> str:
    """HOST:PORT, an IPv6 address in brackets."""
    host, port = api_endpoint(ctx)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
