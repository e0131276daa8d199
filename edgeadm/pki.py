"""Certificates, on bytes: files are the phases' business."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
from datetime import UTC, datetime
from typing import Any

from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Secret

TOKEN_LETTERS = string.ascii_lowercase + string.digits


class BadCertificateError(EdgeadmError):
    """A certificate file does not hold a certificate."""

    code = "bad-certificate"
    exit_code = 4


def discovery_hash(ca_pem: bytes) -> str:
    """`sha256:…` of the CA's public key as `--discovery-token-ca-cert-hash` wants it: over the DER form of
    SubjectPublicKeyInfo (kubeadm, `app/util/pubkeypin`). Raises BadCertificateError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        certificate = x509.load_pem_x509_certificate(ca_pem)
    except ValueError as error:
        raise BadCertificateError(
            "the cluster's CA file holds no certificate",
            context=str(error),
            hint="compare it with /etc/kubernetes/pki/ca.crt of a control plane",
        ) from error
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(spki).hexdigest()


def fits(certificate_pem: bytes, key_pem: bytes) -> bool:
    """Whether both files can be read and the key is the certificate's."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError):
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)


def new_token() -> Secret:
    """A bootstrap token, abcdef.0123456789abcdef."""
    return Secret(
        "".join(secrets.choice(TOKEN_LETTERS) for _ in range(6))
        + "."
        + "".join(secrets.choice(TOKEN_LETTERS) for _ in range(16))
    )


def new_certificate_key() -> Secret:
    """A key for `--certificate-key`: 32 bytes in hexadecimal."""
    return Secret(secrets.token_hex(32))


def new_key() -> bytes:
    """A private key on the curve P-256, PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def is_key(pem: bytes) -> bool:
    """Whether the file holds a private key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        return False
    return True


def key_id(key_pem: bytes) -> str:
    """A short name of the key, of its public half."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    public = load_pem_private_key(key_pem, None).public_key()
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[
        :10
    ]


def new_request(
    key_pem: bytes, *, common_name: str, organization: str, addresses: list[str], names: list[str]
) -> bytes:
    """A certificate signing request, PEM."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name),
        ]
    )
    numbers = dict.fromkeys(ipaddress.ip_address(each) for each in addresses)
    alternatives = [*(x509.DNSName(each) for each in names), *(x509.IPAddress(each) for each in numbers)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    key: Any = load_pem_private_key(key_pem, None)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def is_valid_for(certificate_pem: bytes, wanted: set[str]) -> bool:
    """Whether the certificate is valid now and holds all of these names and addresses."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    now = datetime.now(UTC)
    in_time = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
    return in_time and wanted <= {str(each.value) for each in found}


def encoded(data: bytes) -> str:
    """Bytes as the API wants them."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """Bytes that the API gave."""
    return base64.b64decode(text)
