"""The tunnel to edge nodes behind NAT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm import pki
from edgeadm.apps.facts import NAMESPACE, image, public_address, tunnel_address
from edgeadm.apps.serving_certificates import secret_of
from edgeadm.apps.workloads import is_noticed, workload
from edgeadm.cluster import Awaited
from edgeadm.cluster.conditions import is_rolled_out
from edgeadm.config.address import HostPort
from edgeadm.core.phase import Context
from edgeadm.hosts import Secret
from edgeadm.phases.edge_apps.component import Component, Named

TOKEN = "tunnel-cloud-token"  # noqa: S105  the Secret's name
PREFIX = b"default:"  # the token of every node that has none of its own


@dataclass(frozen=True)
class Tunnel(Component):
    """Connections from the control plane to edge nodes behind NAT: each edge node keeps a connection open to
    tunnel-cloud. Only the port for these connections is public; the ports that lead to nodes are open only
    inside the cluster."""

    name: str = "tunnel"
    summary: str = "install the tunnel to edge nodes, and wait until its cloud side runs"
    template: str = "addons/tunnel.yaml"
    awaited: tuple[Awaited, ...] = (
        workload("the tunnel's cloud side runs", "Deployment", "tunnel-cloud", is_rolled_out),
        workload("the controller has observed DaemonSet tunnel-edge", "DaemonSet", "tunnel-edge", is_noticed),
    )
    leavings: tuple[Named, ...] = (("v1", "Endpoints", "tunnel-route-cache"),)

    def values(self, ctx: Context) -> dict[str, Any]:
        token = _token(ctx)
        host = public_address(ctx)
        files = secret_of(ctx, "tunnel-cloud-cert")
        return {
            "namespace": NAMESPACE,
            "tunnel_image": image(ctx, "tunnel"),
            "tunnel_address": tunnel_address(ctx),
            "tunnel_port": ctx.config.tunnel_port,
            "token_file": pki.encoded(PREFIX + token.encode()),
            "edge_file": pki.encoded(_edge_file(token, host, ctx.config.tunnel_port)),
            # What Pods read only once, by name: another name makes other Pods.
            "cloud_reads": pki.fingerprint(b"".join(files[key] for key in sorted(files))),
            "edge_reads": pki.fingerprint(f"{token} {host} {ctx.config.tunnel_port}".encode()),
        }


def _token(ctx: Context) -> Secret:
    """The existing token of the cluster, because edge nodes use it."""
    found = secret_of(ctx, TOKEN).get("token", b"")
    kept = found.removeprefix(PREFIX).strip().decode()
    return Secret(kept) if found.startswith(PREFIX) and kept else pki.new_secret()


def _edge_file(token: Secret, host: str, port: int) -> bytes:
    """tunnel-edge's settings (pkg/tunnel/conf). `dns` is what the cloud side's certificate always
    has."""
    return (
        "[mode.edge.stream.client]\n"
        f'token = "{token}"\n'
        'dns = "127.0.0.1"\n'
        f'server_name = "{HostPort(host, port)}"\n'
        "log_port = 51010\n"
        "[mode.edge.http_proxy]\n"
        'ip = "127.0.0.1"\n'
        'port = "51009"\n'
    ).encode()
