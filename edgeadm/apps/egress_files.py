"""Files of an API server that uses the tunnel: the tunnel's address, and credentials for it."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm import pki
from edgeadm.apps.serving_certificates import authority
from edgeadm.config import kubeadm_defaults
from edgeadm.config.address import HostPort
from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError
from edgeadm.kubeadm.static_pod import Edit, argument
from edgeadm.node.files import renderer

MANIFEST = kubeadm_defaults.API_SERVER_MANIFEST
FOLDER = f"{kubeadm_defaults.KUBERNETES}/kube-apiserver-conf"
CONFIG = f"{FOLDER}/egress-selector-configuration.yaml"
COPY = f"{FOLDER}/kube-apiserver.yaml"  # the manifest as it was
FLAG = "egress-selector-config-file"
VOLUME = "kube-apiserver-conf"
# The API server reads its settings once: another annotation makes another Pod.
ANNOTATION = "edgeadm.io/reads"
# Its own certificate as a client of kubelets, which it shows to the tunnel as well. kubeadm renews it.
CLIENT_FLAGS = ("kubelet-client-certificate", "kubelet-client-key")


class OtherEgressError(EdgeadmError):
    """The API server already uses another egress configuration."""

    code = "other-egress"
    exit_code = 4


class NoClientCertificateError(EdgeadmError):
    """The API server has no certificate that the tunnel accepts."""

    code = "no-client-certificate"
    exit_code = 4


@dataclass(frozen=True)
class Shown:
    """Paths of what the API server goes by: the cluster's CA, and the certificate and key that it shows."""

    ca: str
    certificate: str
    key: str


def of_manifest(manifest: bytes) -> Shown:
    """What an API server has. Raises NoClientCertificateError where it has none."""
    found = [argument(manifest, name) for name in ("client-ca-file", *CLIENT_FLAGS)]
    if not all(found):
        raise NoClientCertificateError(
            "the API server has no client certificate for kubelets, so it cannot authenticate to the tunnel",
            hint=f"give it `--{CLIENT_FLAGS[0]}` and `--{CLIENT_FLAGS[1]}`, signed by the cluster CA",
        )
    return Shown(*(str(each) for each in found))


def of_kubeadm(folder: str) -> Shown:
    """What an API server will have whose certificates kubeadm puts into this folder."""
    base = f"{folder}/apiserver-kubelet-client"
    return Shown(f"{folder}/ca.crt", f"{base}.crt", f"{base}.key")


def demand_certificate(ctx: Context, manifest: bytes) -> None:
    """Raises NoClientCertificateError where the tunnel, which knows the cluster's CA, would refuse it."""
    shown = of_manifest(manifest)
    pair = (ctx.host.read(shown.certificate) or b"", ctx.host.read(shown.key) or b"")
    found = pki.stands(*pair, authority(ctx), pki.Leaf("", server=False, client=True))
    if found.fault:
        raise NoClientCertificateError(
            f"the tunnel would reject {shown.certificate}",
            context=found.fault,
            hint="on a kubeadm cluster, `kubeadm certs renew apiserver-kubelet-client` issues a valid one",
        )


def config(ctx: Context, shown: Shown, address: str) -> bytes:
    """The API server's egress configuration; the address is the tunnel's."""
    values = {
        "host": HostPort(address).bracketed,
        "ca": shown.ca,
        "certificate": shown.certificate,
        "key": shown.key,
    }
    return renderer(ctx).text("edge/egress.yaml", values).encode()


def edit(configuration: bytes) -> Edit:
    """What the manifest gets, for this configuration."""
    return Edit(
        flags={FLAG: CONFIG, "enable-aggregator-routing": "true"},
        folders={VOLUME: FOLDER},
        annotations={ANNOTATION: pki.fingerprint(configuration)},
        # Webhooks with a URL are resolved by name, which requires the cluster's DNS.
        dns_policy="ClusterFirstWithHostNet",
    )


def is_wired(manifest: bytes) -> bool:
    """Whether the API server goes through our tunnel. Raises OtherEgressError where it is another's."""
    found = argument(manifest, FLAG)
    if found not in (None, CONFIG):
        raise OtherEgressError(
            f"the API server already uses the egress configuration {found}",
            hint=f"remove `--{FLAG}` from {MANIFEST}, or skip the phase `api-server`",
        )
    return found is not None
