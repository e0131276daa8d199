"""Real certificates for machines in memory, and for clusters made by hand."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PEM = serialization.Encoding.PEM
KEYS: dict[str, Callable[[], Any]] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ecdsa": lambda: ec.generate_private_key(ec.SECP384R1()),
}
SLACK = timedelta(minutes=5)
_AUTHORITY: list[tuple[bytes, bytes]] = []
_CLIENT: list[tuple[bytes, bytes]] = []


def authority() -> tuple[bytes, bytes]:
    """A CA certificate and its key, made once for the whole test run."""
    if not _AUTHORITY:
        _AUTHORITY.append(new_pair("kubernetes"))
    return _AUTHORITY[0]


def kubelet_client() -> tuple[bytes, bytes]:
    """What an API server shows to kubelets: a certificate of the CA and its key, made once."""
    if not _CLIENT:
        _CLIENT.append(issued(authority(), "kube-apiserver-kubelet-client"))
    return _CLIENT[0]


def new_pair(
    name: str, kind: str = "ecdsa", days: float = 1, begun: timedelta = SLACK
) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key. It names its own key in its own way, as some CAs do."""
    key, subject = KEYS[kind](), _name(name)
    builder = _builder(subject, subject, key.public_key(), days, begun)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier(b"its own way"), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM), private(key)


def issued(
    issuer: tuple[bytes, bytes], name: str, *, organization: str = "", names: tuple[str, ...] = ()
) -> tuple[bytes, bytes]:
    """A certificate of the CA for a new key, and that key: to serve under these names, and to dial with."""
    ca, key = x509.load_pem_x509_certificate(issuer[0]), KEYS["ecdsa"]()
    builder = _builder(_name(name, organization), ca.subject, key.public_key(), 1, SLACK)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names]), False
        )
    return builder.sign(_load(issuer[1]), hashes.SHA256()).public_bytes(PEM), private(key)


def sign_request(request: bytes) -> bytes:
    """The certificate that the cluster's CA gives for a request."""
    asked = x509.load_pem_x509_csr(request)
    issuer = x509.load_pem_x509_certificate(authority()[0])
    builder = _builder(asked.subject, issuer.subject, asked.public_key(), 1, SLACK)
    for each in asked.extensions:
        builder = builder.add_extension(each.value, each.critical)
    return builder.sign(_load(authority()[1]), hashes.SHA256()).public_bytes(PEM)


def private(key: Any) -> bytes:
    """A key as a file holds it."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return bytes(key.private_bytes(PEM, form, serialization.NoEncryption()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, days: float, begun: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - begun)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common: str, organization: str = "") -> x509.Name:
    found = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*found, x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _general(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _load(key: bytes) -> Any:
    return serialization.load_pem_private_key(key, None)
