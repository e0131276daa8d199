"""Discovers a cluster with a token and a hash, as kubeadm does (app/discovery/token): the API server is
queried without verification, the response must be signed with the token, and the CA in it must match the
hash. After that, only certificates of that CA are accepted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import replace

from edgeadm.clock import CLOCK
from edgeadm.cluster.errors import (
    CertificateAddressError,
    NotAnApiServerError,
    TokenUnknownError,
    TokenWrongError,
    WrongCaError,
)
from edgeadm.cluster.kubeconfig import Kubeconfig, NotAKubeconfigError, parse
from edgeadm.cluster.outside import TIMEOUT, Answer, TokenApi, call
from edgeadm.cluster.trust import COMMON_NAME, check_clock, unchecked
from edgeadm.cluster.web import discovery_file
from edgeadm.config.address import HostPort
from edgeadm.config.ticket import Ticket
from edgeadm.errors import ApiError, UnreachableError

VERSION = "/version"
CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
SIGNER = 5.0  # the controller that signs cluster-info needs a moment after a token was created
HOW_TO_GET_ONE = "create a new one with `edgeadm token create --print-join-command` on a control plane"


def discover(ticket: Ticket, timeout: float = TIMEOUT) -> TokenApi:
    """The cluster's API, with a verified certificate. Raises an error of cluster/errors.py."""
    if ticket.by_file:
        server, ca = _cluster_of(discovery_file(ticket).decode(errors="replace"))
        return _reached(TokenApi(server, ca, ticket.bootstrap_token, timeout))
    kubeconfig = _signed_kubeconfig(ticket, timeout)
    server, ca = _cluster_of(kubeconfig)
    if not ticket.trust_anyone:
        _check_pins(ca, ticket.ca_hashes)
    asked = TokenApi(ticket.address.url, ca, ticket.bootstrap_token, timeout)
    if server != asked.server:
        try:
            return replace(_checked(replace(asked, server=server, timeout=timeout / 2)), timeout=timeout)
        except (UnreachableError, ApiError):
            pass  # an address of the cluster's internal network: use the given one, or raise its error
    return _reached(asked)


def spki_hashes(bundle: bytes) -> list[str]:
    """`sha256:…` of every certificate's public key, in the form of `--discovery-token-ca-cert-hash`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        found = x509.load_pem_x509_certificates(bundle)
    except ValueError:
        return []
    return ["sha256:" + hashlib.sha256(each.public_key().public_bytes(*form)).hexdigest() for each in found]


def signature_of(kubeconfig: str, header: str, secret: str) -> str:
    """The third part of the detached JWS (HS256) over the kubeconfig."""
    payload = _base64url(kubeconfig.encode())
    return _base64url(hmac.new(secret.encode(), f"{header}.{payload}".encode(), hashlib.sha256).digest())


def _signed_kubeconfig(ticket: Ticket, timeout: float) -> str:
    name, _, secret = ticket.token.partition(".")
    data: Mapping[str, str] = {}

    def is_signed() -> bool:
        nonlocal data
        data = _cluster_info(ticket.address.url, timeout)
        return f"jws-kubeconfig-{name}" in data

    CLOCK.poll(is_signed, SIGNER, 0.5)
    kubeconfig, jws = data.get("kubeconfig", ""), data.get(f"jws-kubeconfig-{name}")
    if jws is None:
        raise TokenUnknownError(
            f"the cluster at {ticket.endpoint} has no token `{name}`: expired, or of another cluster",
            hint=HOW_TO_GET_ONE,
        )
    header, _, signature = jws.partition("..")
    if not hmac.compare_digest(signature, signature_of(kubeconfig, header, secret)):
        raise TokenWrongError(
            f"the secret of the token `{name}` is not the one that the cluster at {ticket.endpoint} has",
            hint=f"copy the complete token, or {HOW_TO_GET_ONE}",
        )
    return kubeconfig


def _cluster_info(server: str, timeout: float) -> Mapping[str, str]:
    answer: Answer = call(server, "GET", CLUSTER_INFO, unchecked(), timeout=timeout)
    found = answer.document().get("data")
    if answer.status in (401, 403):
        raise ApiError(
            f"{server} does not allow anonymous access to cluster-info",
            hint="join with `--discovery-file` and a kubeconfig of that cluster",
        )
    if answer.status != 200 or not isinstance(found, dict) or "kubeconfig" not in found:
        raise NotAnApiServerError(
            f"{server} has no cluster-info in kube-public",
            hint="check address and port, and that the cluster was created by kubeadm or edgeadm",
        )
    return found


def _cluster_of(kubeconfig: str) -> tuple[str, bytes]:
    try:
        found = parse(kubeconfig)
    except NotAKubeconfigError:
        found = Kubeconfig("")
    if not found.server or not found.ca:
        raise NotAnApiServerError(
            "the kubeconfig contains no cluster with an address and a CA",
            hint="a discovery file requires `server` and `certificate-authority-data`",
        )
    return found.server, found.ca


def _check_pins(ca: bytes, wanted: tuple[str, ...]) -> None:
    found = spki_hashes(ca)
    if not set(found) & set(wanted):
        raise WrongCaError(
            "the cluster's CA does not match the hash",
            context=f"found {', '.join(found) or 'no certificate'}\nwanted {', '.join(wanted)}",
            hint=(
                "use the hash that `edgeadm init` of this cluster printed; if it was correct, another "
                "server responds at that address"
            ),
        )


def _reached(api: TokenApi) -> TokenApi:
    """Itself, once it has responded with a valid certificate. If that is valid for other addresses only, the
    same server under a valid name."""
    try:
        return _checked(api)
    except CertificateAddressError as error:
        return _by_name(api, error)


def _checked(api: TokenApi) -> TokenApi:
    answer = api.good(api.ask(VERSION), VERSION)
    check_clock(answer.headers.get("date", ""))
    return api


def _by_name(api: TokenApi, error: CertificateAddressError) -> TokenApi:
    """The server at this IP address under the name COMMON_NAME. Raises the error if its certificate is not
    valid for that name either, or if a name was given: DNS determines the addresses of a name, which may
    change."""
    where = HostPort.of_url(api.server)
    try:
        address = str(ipaddress.ip_address(where.host))
    except ValueError:
        raise error from None
    try:
        return _checked(replace(api, server=HostPort(COMMON_NAME, where.port).url, at=address))
    except CertificateAddressError:
        raise error from None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
