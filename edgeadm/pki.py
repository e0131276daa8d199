"""Certificates, on bytes: files are the phases' business."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edgeadm.config.kubeadm_defaults import PKI
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Secret

SLACK = timedelta(minutes=5)  # for clocks that are behind ours
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
            "the file of the cluster CA contains no certificate",
            context=str(error),
            hint=f"compare it with {PKI}/ca.crt of a control plane",
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


def common_name(certificate_pem: bytes) -> str:
    """The subject's name; empty where the bytes hold no certificate."""
    from cryptography import x509

    try:
        subject = x509.load_pem_x509_certificate(certificate_pem).subject
    except ValueError:
        return ""
    found = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def lifetime(certificate_pem: bytes) -> tuple[datetime, datetime] | None:
    """From when until when the certificate is valid; None where the bytes hold none."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError:
        return None
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


@dataclass(frozen=True)
class Leaf:
    """The content of a certificate. `server` and `client` are its usages."""

    common_name: str
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    server: bool = True
    client: bool = False


def sign(ca_pem: bytes, ca_key_pem: bytes, key_pem: bytes, leaf: Leaf, days: int) -> bytes:
    """A certificate of the authority for the key, PEM. It does not outlive the authority.

    Raises BadCertificateError where the authority's files are not a certificate and its RSA or EC key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID

    if not fits(ca_pem, ca_key_pem):
        raise BadCertificateError(
            "the CA's certificate and key do not match",
            hint="compare `--ca.cert` and `--ca.key` with ca.crt and ca.key of a control plane",
        )
    authority = x509.load_pem_x509_certificate(ca_pem)
    issuer_key: Any = load_pem_private_key(ca_key_pem, None)
    own: Any = load_pem_private_key(key_pem, None).public_key()
    now = datetime.now(UTC)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH] if leaf.server else []
    usages += [ExtendedKeyUsageOID.CLIENT_AUTH] if leaf.client else []
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, leaf.common_name)]))
        .issuer_name(authority.subject)
        .public_key(own)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - SLACK, authority.not_valid_before_utc))
        .not_valid_after(min(now + timedelta(days=days), authority.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(_identifier(authority), critical=False)
    )
    alternatives = _alternatives(leaf)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class Standing:
    """How a certificate stands: until when it is valid, the share of its life that is left (0 to 1), and what
    is wrong with it, empty where it is as wanted."""

    expires: datetime
    left: float
    fault: str = ""

    @property
    def days(self) -> int:
        """Whole days until then; below 0 where it is over."""
        return (self.expires - datetime.now(UTC)).days


def stands(certificate_pem: bytes, key_pem: bytes, ca_pem: bytes, leaf: Leaf) -> Standing:
    """The verification result of a certificate: its content and its issuer."""
    from cryptography import x509

    if not fits(certificate_pem, key_pem):
        return Standing(datetime.fromtimestamp(0, UTC), 0.0, "it is missing, or does not match its key")
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left = max(0.0, (end - datetime.now(UTC)) / (end - begin))
    return Standing(end, left, _fault(certificate, ca_pem, leaf) or ("" if left else "it has expired"))


def widened(leaf: Leaf, certificate_pem: bytes) -> Leaf:
    """A copy with the additional names and addresses of an earlier certificate."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return leaf
    names = (*leaf.names, *found.get_values_for_type(x509.DNSName))
    addresses = (*leaf.addresses, *(str(each) for each in found.get_values_for_type(x509.IPAddress)))
    return replace(leaf, names=tuple(dict.fromkeys(names)), addresses=tuple(dict.fromkeys(addresses)))


def _fault(certificate: Any, ca_pem: bytes, leaf: Leaf) -> str:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca_pem))
    except (ValueError, TypeError, InvalidSignature):
        return "the cluster CA did not sign it"
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = ()
    missing = {str(each.value) for each in _alternatives(leaf)} - {str(each.value) for each in found}
    return f"it lacks {', '.join(sorted(missing))}" if missing else ""


def _alternatives(leaf: Leaf) -> list[Any]:
    import ipaddress

    from cryptography import x509

    numbers = dict.fromkeys(ipaddress.ip_address(each) for each in leaf.addresses)
    names = dict.fromkeys(leaf.names)
    return [*(x509.DNSName(each) for each in names), *(x509.IPAddress(each) for each in numbers)]


def _identifier(authority: Any) -> Any:
    """The authority's key as it names it itself: there are several ways to compute the name."""
    from cryptography import x509

    make = x509.AuthorityKeyIdentifier
    try:
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return make.from_issuer_public_key(authority.public_key())
    return make.from_issuer_subject_key_identifier(own)


def _key_usage() -> Any:
    from cryptography import x509

    others = ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    also = ("encipher_only", "decipher_only")
    return x509.KeyUsage(
        digital_signature=True, key_encipherment=True, **dict.fromkeys((*others, *also), False)
    )


def fingerprint(data: bytes) -> str:
    """A short name of the bytes, for telling whether they changed."""
    return hashlib.sha256(data).hexdigest()[:16]


def new_secret(length: int = 32) -> Secret:
    """A random word of letters and digits."""
    return Secret("".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length)))


def encoded(data: bytes) -> str:
    """Bytes as the API wants them."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """Bytes that the API gave."""
    return base64.b64decode(text)
