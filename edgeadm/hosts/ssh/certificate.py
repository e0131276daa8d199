"""Certificates of hosts (PROTOCOL.certkeys of OpenSSH). paramiko verifies that the host has the private key;
this module verifies the certificate."""

from __future__ import annotations

import base64
import time
from collections.abc import Collection
from typing import Any

from edgeadm.hosts.ssh.errors import HostCertificateError
from edgeadm.hosts.ssh.known_hosts import fingerprint, kind_of, matches

CERTIFICATE = "-cert-v01@openssh.com"


def check_certificate(
    blob: bytes,
    names: tuple[str, ...],
    authorities: Collection[bytes],
    revoked: Collection[bytes] = (),
    now: float | None = None,
) -> None:
    """Accept the certificate for one of the names, or raise HostCertificateError. `authorities` and `revoked`
    are public keys; a certificate without principals is rejected, because it would be valid for any host."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization

    text = f"{kind_of(blob)} {base64.b64encode(blob).decode()}".encode()
    try:
        certificate = serialization.load_ssh_public_identity(text)
        if not isinstance(certificate, serialization.SSHCertificate):
            raise HostCertificateError(f"{names[0]} presented a key without a certificate")
        certificate.verify_cert_signature()
    except InvalidSignature as error:
        raise HostCertificateError(f"the certificate of {names[0]} has an invalid signature") from error
    except HostCertificateError:
        raise
    except Exception as error:  # the kinds of cryptography differ by version
        raise HostCertificateError(
            f"the certificate of {names[0]} is not supported", context=str(error)
        ) from error
    problem = _problem(certificate, names, authorities, revoked, time.time() if now is None else now)
    if problem:
        raise HostCertificateError(
            f"the certificate of {names[0]} {problem}",
            context=f"key id: {certificate.key_id.decode(errors='replace')}",
            hint="sign the host's key again, and check the clocks of both hosts",
        )


def _problem(
    certificate: Any,
    names: tuple[str, ...],
    authorities: Collection[bytes],
    revoked: Collection[bytes],
    now: float,
) -> str:
    from cryptography.hazmat.primitives import serialization

    authority, key = _blob(certificate.signature_key()), _blob(certificate.public_key())
    principals = [each.decode(errors="replace") for each in certificate.valid_principals]
    problems = (
        (authority not in authorities, f"is of an unknown authority, {fingerprint(authority)}"),
        (key in revoked or authority in revoked, "is revoked"),
        (certificate.type is not serialization.SSHCertificateType.HOST, "is not one of a host"),
        (bool(certificate.critical_options), "has critical options that edgeadm does not support"),
        (now < certificate.valid_after, "is not valid yet"),
        (now >= certificate.valid_before, "is expired"),
        (
            not any(matches(name, principals) for name in names),
            f"is for {', '.join(principals) or 'no host'}",
        ),
    )
    return next((text for wrong, text in problems if wrong), "")


def _blob(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    text = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return base64.b64decode(text.split()[1])
