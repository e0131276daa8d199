"""Where the API servers of a cluster listen, and which address they share: from flags and documents alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.config.address import HostPort
from edgeadm.config.kubeadm_defaults import API_PORT, PKI
from edgeadm.config.model import Config
from edgeadm.config.own_node import local_endpoint

NONE, KEEPALIVED, KUBE_VIP = "none", "keepalived", "kube-vip"
KINDS = (NONE, KUBE_VIP, KEEPALIVED)
# Where an API server listens whose usual port haproxy has taken.
BEHIND_PORT = API_PORT + 1
# Where haproxy tells keepalived, on the loopback, whether it knows a live API server.
ALIVE_PORT = API_PORT - 1


@dataclass(frozen=True)
class VirtualIp:
    """The address and port that all control planes share, and the port on which each API server listens."""

    kind: str
    address: str
    port: int
    bind_port: int

    @property
    def endpoint(self) -> str:
        """Address and port as kubeadm wants them: without a port it would take that of the API server."""
        return str(HostPort(self.address, self.port))


def endpoint(config: Config) -> str:
    """What the user calls the control plane, HOST or HOST:PORT; empty where it has no name of its own."""
    stable = config.document("ClusterConfiguration").get("controlPlaneEndpoint")
    return str(config.kubeadm.control_plane_endpoint or stable or "")


def bind_port(config: Config) -> int:
    """The port on which this control plane's own API server listens."""
    shared = virtual_ip(config)
    return shared.bind_port if shared else given_bind_port(config) or API_PORT


def given_bind_port(config: Config) -> int | None:
    """The port that the user gave; None where it is ours to choose."""
    return config.kubeadm.apiserver_bind_port or local_endpoint(config).get("bindPort")


def virtual_ip(config: Config) -> VirtualIp | None:
    """The virtual IP of `--default-ha`, or None if the user provides the endpoint.

    haproxy listens on the endpoint's port on every control plane and forwards to the API servers, which
    listen on another port. kube-vip moves only the address: both ports are equal.
    """
    if config.default_ha == NONE or not endpoint(config):
        return None
    shared = HostPort.parse(endpoint(config))
    free = BEHIND_PORT if shared.port == API_PORT else API_PORT
    own = shared.port if config.default_ha == KUBE_VIP else free
    return VirtualIp(config.default_ha, shared.host, shared.port, given_bind_port(config) or own)


def certificates_dir(cluster: Mapping[str, Any]) -> str:
    """The directory of the control plane's certificates, by a ClusterConfiguration."""
    return str(cluster.get("certificatesDir") or PKI)
