"""Certificates, on bytes: files are the phases' business."""

from __future__ import annotations

import hashlib
import secrets
import string

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
