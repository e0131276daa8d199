"""lite-apiserver's serving certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm import pki
from edgeadm.cluster import Object, Outside
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import EdgeadmError
from edgeadm.node.lite_files import PAIR, addresses, names
from edgeadm.node.membership import cluster_facts, known_facts
from edgeadm.node.name import node_name

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "kubernetes.io/kubelet-serving"
PATIENCE = 240.0  # a new leader of the controllers takes its time
POLL = 0.05


class NotApprovedError(EdgeadmError):
    """The request for lite-apiserver's certificate was denied, or the signer failed."""

    code = "certificate-not-approved"
    exit_code = 5


@dataclass(frozen=True)
class EdgeCertificate(Phase):
    """The serving certificate of lite-apiserver: the key is generated on this node and never leaves it, the
    cluster CA signs requests that the CSR approver has approved."""

    name: str = "certificate"
    summary: str = "obtain lite-apiserver's serving certificate"

    def check(self, ctx: Context) -> Verdict:
        pair = ctx.host.read(PAIR) or b""
        if not pki.fits(pair, pair):
            return Verdict(needed=True, reason="there is no certificate yet")
        if cluster_facts(ctx) is None or not _says(ctx, pair):
            return Verdict(needed=True, reason="the certificate has other names or has expired")
        return Verdict(needed=False, reason="the certificate is valid")

    def apply(self, ctx: Context) -> None:
        pair = ctx.host.read(PAIR) or b""
        if pki.fits(pair, pair) and _says(ctx, pair):
            return
        key = pair if pki.is_key(pair) and b"CERTIFICATE" not in pair else pki.new_key()
        ctx.host.write(PAIR, key, 0o600)  # a run that resumes here uses the same request
        ctx.host.write(PAIR, key + self._obtain(ctx, ctx.outside(), key), 0o600)

    def _obtain(self, ctx: Context, outside: Outside, key: bytes) -> bytes:
        name = f"lite-apiserver-{node_name(ctx)}-{pki.key_id(key)}"
        outside.create(REQUESTS, _request(ctx, name, key))
        ctx.say(f"created the certificate signing request {name}")
        found = ctx.wait.until(
            f"the certificate signing request {name} is approved",
            lambda: _issued(outside, name),
            seconds=PATIENCE,
            every=POLL,
            hint="check that the DaemonSet edge-system/approver runs, or approve it with `kubectl "
            f"certificate approve {name}`; then run the same command again",
        )
        return pki.decoded(found or "")


def _issued(outside: Outside, name: str) -> str:
    """The certificate as the API has it; empty if there is none yet. Raises NotApprovedError."""
    status = (outside.get(f"{REQUESTS}/{name}") or {}).get("status") or {}
    if not status.get("certificate"):
        _stop_if_denied(name, status)
    return str(status.get("certificate") or "")


def _says(ctx: Context, certificate: bytes) -> bool:
    facts = known_facts(ctx)
    wanted = {*addresses(facts.virtual_address, facts.service_ip), *names(facts.domain)}
    return pki.is_valid_for(certificate, wanted)


def _request(ctx: Context, name: str, key: bytes) -> Object:
    facts, node = known_facts(ctx), node_name(ctx)
    request = pki.new_request(
        key,
        common_name=f"system:node:{node}",
        organization="system:nodes",
        addresses=addresses(facts.virtual_address, facts.service_ip),
        names=names(facts.domain),
    )
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": pki.encoded(request),
            "signerName": SIGNER,
            "usages": ["digital signature", "key encipherment", "server auth"],
        },
    }


def _stop_if_denied(name: str, status: Mapping[str, Any]) -> None:
    for each in status.get("conditions") or []:
        if each["type"] in ("Denied", "Failed"):
            raise NotApprovedError(
                f"the certificate signing request {name} was {each['type'].lower()}",
                context=str(each.get("message", "")),
                hint=(
                    f"delete it with `kubectl delete csr {name}` on a control plane, then run the same "
                    "command again"
                ),
            )
