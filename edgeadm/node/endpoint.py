"""Where the API server of this cluster is."""

from __future__ import annotations

from edgeadm.cluster.kubeconfig import parse
from edgeadm.config import control_plane
from edgeadm.config.address import HostPort
from edgeadm.config.kubeadm_defaults import API_PORT
from edgeadm.config.own_node import given_address
from edgeadm.core.phase import Context
from edgeadm.node.kubeadm_documents import document
from edgeadm.node.state import ADMIN_CONF, own_address


def api_endpoint(ctx: Context) -> HostPort:
    """Host and port: as admin.conf has them, and before there is one as kubeadm will write them there."""
    kubeconfig = ctx.host.read(ADMIN_CONF)
    if kubeconfig is not None:
        return parse(kubeconfig).address
    shared = control_plane.virtual_ip(ctx.config)
    if shared:
        return HostPort(shared.address, shared.port)
    written = document(ctx, "InitConfiguration").get("localAPIEndpoint") or {}
    port = control_plane.given_bind_port(ctx.config) or written.get("bindPort") or API_PORT
    stable = control_plane.endpoint(ctx.config) or document(ctx, "ClusterConfiguration").get(
        "controlPlaneEndpoint"
    )
    if stable:
        return HostPort.parse(stable, port)
    return HostPort(given_address(ctx.config) or written.get("advertiseAddress") or own_address(ctx), port)
