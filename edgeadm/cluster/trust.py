"""Diagnoses a rejected certificate with a second, unverified connection."""

from __future__ import annotations

import os
import ssl
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from edgeadm.cluster.errors import (
    CertificateAddressError,
    CertificateExpiredError,
    CertificateUntrustedError,
    ClockError,
)
from edgeadm.config.address import HostPort
from edgeadm.errors import ApiError

# A name that an API server's certificate usually contains, whatever its addresses are.
COMMON_NAME = "kubernetes.default"
SKEW = 300  # seconds by which a cluster backdates its certificates
SET_THE_CLOCK = "set the clock (`timedatectl set-time`, or an NTP service)"
# OpenSSL's X509_V_ERR_…: not yet valid, has expired, host name mismatch, IP address mismatch.
NOT_YET, EXPIRED, OTHER_NAMES = 9, 10, (62, 64)

# Locations of trusted certificates in distributions: Debian and Arch, Red Hat's family, SUSE.
AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)


def trusted(bundles: tuple[str, ...] = AUTHORITIES) -> ssl.SSLContext:
    """A TLS context with this host's trusted certificates; SSL_CERT_FILE takes precedence.

    The executable's own OpenSSL uses the location of the build host, which differs on other distributions.
    """
    given = "SSL_CERT_FILE" in os.environ or "SSL_CERT_DIR" in os.environ
    found = next((bundle for bundle in bundles if Path(bundle).is_file()), None)
    return ssl.create_default_context(cafile=None if given else found)


def unchecked() -> ssl.SSLContext:
    """For inspecting a server's certificate; no secret may be sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def explain(server: str, error: ssl.SSLCertVerificationError, timeout: float) -> ApiError:
    """The error for a rejected certificate."""
    certificate, there = _look(server, timeout)
    apart = 0.0 if there is None else time.time() - there
    if error.verify_code in (NOT_YET, EXPIRED) and abs(apart) > SKEW:
        return _apart(apart, "its certificate is not valid here")
    if error.verify_code == NOT_YET:
        return ClockError(
            f"the certificate of {server} becomes valid only in {_until_valid(certificate)}",
            hint=(
                f"if this host's clock is behind, {SET_THE_CLOCK}; if the server's clock was ahead when the "
                "certificate was issued, run `kubeadm certs renew apiserver` there, and restart "
                "kube-apiserver"
            ),
        )
    if error.verify_code == EXPIRED:
        return CertificateExpiredError(
            f"the certificate of {server} has expired",
            hint="run `kubeadm certs renew apiserver` on that control plane, and restart kube-apiserver",
        )
    if error.verify_code in OTHER_NAMES:
        names = _names(certificate)
        by_address = ", or an IP address of that host: edgeadm then maps a valid name to it"
        return CertificateAddressError(
            f"the certificate of {server} is not valid for that address",
            context=f"it is valid for {', '.join(names)}",
            hint=(
                f"use one of those{by_address if COMMON_NAME in names else ''}; `edgeadm init "
                "--apiserver-cert-extra-sans` adds more to a new cluster's certificate"
            ),
        )
    return CertificateUntrustedError(
        f"the certificate of {server} was not signed by the cluster CA",
        context=error.verify_message,
        hint="does a proxy between this host and the API server terminate TLS?",
    )


def check_clock(date: str) -> None:
    """Raises ClockError if this host's clock is behind the one in this HTTP date header: certificates that
    the cluster issues now would not be valid here."""
    with suppress(ValueError, TypeError):
        apart = time.time() - parsedate_to_datetime(date).timestamp()
        if apart < -SKEW:
            raise _apart(apart, "a certificate issued now is not valid here yet")


def _apart(seconds: float, consequence: str) -> ClockError:
    which = "behind" if seconds < 0 else "ahead of"
    return ClockError(
        f"this host's clock is {_span(seconds)} {which} the API server's: {consequence}",
        hint=f"{SET_THE_CLOCK}, then run the same command again",
    )


def _until_valid(certificate: bytes) -> str:
    from cryptography import x509

    try:
        start = x509.load_der_x509_certificate(certificate).not_valid_before_utc
    except ValueError:
        return "the future"
    return _span(start.timestamp() - time.time())


def _look(server: str, timeout: float) -> tuple[bytes, float | None]:
    """The certificate and the server's clock; unavailable values are empty."""
    where = HostPort.of_url(server)
    connection = HTTPSConnection(where.host, where.port, timeout=timeout, context=unchecked())
    with suppress(OSError, HTTPException, ValueError, TypeError):
        connection.request("GET", "/version")
        sock: Any = connection.sock
        certificate: bytes = sock.getpeercert(binary_form=True) or b""
        date = connection.getresponse().headers["Date"]
        connection.close()
        return certificate, parsedate_to_datetime(date).timestamp() if date else None
    return b"", None


def _names(certificate: bytes) -> list[str]:
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(certificate).extensions
        names = found.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ["no address at all"]
    return [str(each.value) for each in names]


def _span(seconds: float) -> str:
    seconds = abs(seconds)
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
