"""How a node that joins finds its cluster and why it trusts it: from flags, a kubeconfig, or the user's
JoinConfiguration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeadm.config.address import HostPort
from edgeadm.config.model import Config


@dataclass(frozen=True)
class Ticket:
    """`kubeconfig` holds the bytes of a discovery file, which then says address and CA; `url` is where such a
    file is on a web server."""

    endpoint: str = ""
    token: str = field(default="", repr=False)
    bootstrap_token: str = field(default="", repr=False)
    ca_hashes: tuple[str, ...] = ()
    trust_anyone: bool = False
    kubeconfig: bytes | None = field(default=None, repr=False)
    url: str = ""

    @property
    def by_file(self) -> bool:
        """Whether a discovery file names the cluster, instead of token and hash."""
        return self.kubeconfig is not None or bool(self.url)

    @property
    def address(self) -> HostPort:
        """Host and port of the endpoint."""
        return HostPort.parse(self.endpoint)


def ticket_of(config: Config) -> Ticket:
    """The ticket that the configuration amounts to; flags win over the document. Raises nothing: what is
    missing is for `validate` to say."""
    flags, kubeadm = config.join, config.kubeadm
    theirs = join_document(config).get("discovery") or {}
    by_token = theirs.get("bootstrapToken") or {}
    file = str(flags.discovery_file or (theirs.get("file") or {}).get("kubeConfigPath") or "")
    # kubeadm takes any address of this scheme, and no other (app/discovery/discovery.go, isHTTPSURL).
    url = file if file.lower().startswith("https:") else ""
    token = flags.discovery_token or kubeadm.token or by_token.get("token") or ""
    bootstrap = flags.tls_bootstrap_token or kubeadm.token or theirs.get("tlsBootstrapToken") or token
    return Ticket(
        endpoint=flags.api_server_endpoint or by_token.get("apiServerEndpoint") or "",
        token=token or bootstrap,
        bootstrap_token=bootstrap,
        ca_hashes=flags.discovery_token_ca_cert_hash or tuple(by_token.get("caCertHashes") or ()),
        trust_anyone=flags.discovery_token_unsafe_skip_ca_verification
        or bool(by_token.get("unsafeSkipCAVerification")),
        kubeconfig=_read(file) if file and not url else None,
        url=url,
    )


def join_document(config: Config) -> Mapping[str, Any]:
    """The user's JoinConfiguration, or an empty mapping."""
    return config.document("JoinConfiguration")


def is_edge(config: Config) -> bool:
    """Whether the node is to live at the edge, behind a lite-apiserver of its own."""
    return config.enable_edge and not joins_control_plane(config)


def joins_control_plane(config: Config) -> bool:
    """Whether the node is to be another control plane."""
    return config.join.control_plane or "controlPlane" in join_document(config)


def role_of(config: Config) -> str:
    """Which of a package's roles the node has."""
    if joins_control_plane(config):
        return "control-plane"
    return "edge" if is_edge(config) else "worker"


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
