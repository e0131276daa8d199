"""The certificates of the components: their contents, their Secrets, and their verification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm import pki
from edgeadm.apps.facts import (
    NAMESPACE,
    cluster_configuration,
    domain,
    has_cluster,
    public_address,
    tunnel_address,
)
from edgeadm.config.control_plane import certificates_dir
from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError

DAYS = 365  # as kubeadm's own
# A certificate with less than this share of its lifetime left is renewed.
SHARE = 1 / 3
LOOPBACK = "127.0.0.1"


class NoAuthorityError(EdgeadmError):
    """The cluster CA's certificate or key is not on this host, and a certificate has to be signed."""

    code = "no-authority"
    exit_code = 3


@dataclass(frozen=True)
class Pair:
    """A certificate in a Secret: its files there are `base`.crt and `base`.key."""

    secret: str
    base: str
    leaf: pki.Leaf

    @property
    def title(self) -> str:
        return f"{NAMESPACE}/{self.secret}/{self.base}"


def pairs(ctx: Context) -> Iterator[Pair]:
    """Every certificate that the components serve with."""
    from edgeadm.config.texts import is_address

    service = f"tunnel-cloud.{NAMESPACE}.svc"
    extra = ctx.config.addon.cert_sans
    public = public_address(ctx)
    given = [*extra, *([public] if public else [])]
    yield Pair(
        "tunnel-cloud-cert",
        "cloud",
        pki.Leaf(
            "TunnelCloudService",
            (
                "tunnel.cloud.io",
                "tunnelcloud.superedge.io",
                service,
                *(each for each in given if not is_address(each)),
            ),
            (LOOPBACK, *(each for each in given if is_address(each))),
        ),
    )
    yield Pair(
        "tunnel-cloud-cert",
        "egress",
        pki.Leaf("TunnelAnpServer", (f"{service}.{domain(ctx)}", service), (LOOPBACK, tunnel_address(ctx))),
    )
    for app, base in (("site-manager", "webhook_server"), ("edge-health-admission", "server")):
        name = f"{app}.{NAMESPACE}.svc"
        yield Pair(f"{app}-cert", base, pki.Leaf(app, (name, f"{name}.{domain(ctx)}")))


def authority_paths(ctx: Context) -> tuple[str, str]:
    """Where the cluster CA's certificate and key are on this machine."""
    folder = certificates_dir(cluster_configuration(ctx))
    given = ctx.config.addon
    return given.ca_cert or f"{folder}/ca.crt", given.ca_key or f"{folder}/ca.key"


def authority(ctx: Context) -> bytes:
    """The cluster CA's certificate. Raises NoAuthorityError."""
    return _read(ctx, authority_paths(ctx)[0], "--ca.cert")


def bundle(ctx: Context) -> str:
    """The CA's certificate as manifests have it; empty before there is a cluster."""
    return pki.encoded(authority(ctx)) if has_cluster(ctx) else ""


def make(ctx: Context, leaf: pki.Leaf) -> tuple[bytes, bytes]:
    """A new certificate and its key. Raises NoAuthorityError, BadCertificateError."""
    certificate, key_path = authority_paths(ctx)
    own = pki.new_key()
    ca, ca_key = _read(ctx, certificate, "--ca.cert"), _read(ctx, key_path, "--ca.key")
    return pki.sign(ca, ca_key, own, leaf, DAYS), own


def secret_of(ctx: Context, name: str) -> dict[str, bytes]:
    """The content of a Secret of the components; empty if it does not exist."""
    found = ctx.connect().get("v1", "Secret", name, NAMESPACE) if has_cluster(ctx) else None
    data: Mapping[str, str] = (found or {}).get("data") or {}
    return {key: pki.decoded(value) for key, value in data.items()}


def standing(ctx: Context, pair: Pair) -> pki.Standing:
    """The verification result of the certificate and key in the cluster."""
    there = secret_of(ctx, pair.secret)
    certificate, key = there.get(f"{pair.base}.crt", b""), there.get(f"{pair.base}.key", b"")
    return pki.stands(certificate, key, authority(ctx), pair.leaf)


def is_due(ctx: Context, found: pki.Standing) -> bool:
    """Whether the certificate has to be renewed."""
    return bool(found.fault) or found.left < SHARE or ctx.config.addon.all_certificates


def _read(ctx: Context, path: str, flag: str) -> bytes:
    found: Any = ctx.host.read(path)
    if not found:
        raise NoAuthorityError(
            f"{path} does not exist on this host",
            hint=(
                f"run the command on a control plane, or pass `{flag}` with a copy of that control plane's "
                "file; if a provider keeps the key, use any CA of your own"
            ),
        )
    return bytes(found)
