"""Finding a cluster with a token and a hash, as kubeadm does (app/discovery/token): the API server is asked
without being believed, its answer must be signed with the token, and the CA in it must be the one that the
hash names. From then on only certificates of that CA count."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import yaml

from edgeadm import yaml_text
from edgeadm.clock import CLOCK
from edgeadm.cluster.errors import (
    CertificateAddressError,
    NotAnApiServerError,
    TokenUnknownError,
    TokenWrongError,
    WrongCaError,
)
from edgeadm.cluster.outside import TIMEOUT, Answer, TokenApi, call
from edgeadm.cluster.trust import COMMON_NAME, check_clock, unchecked
from edgeadm.cluster.web import discovery_file
from edgeadm.config.ticket import PORT, Ticket
from edgeadm.errors import ApiError, UnreachableError

VERSION = "/version"
CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
SIGNER = 5.0  # the controller that signs cluster-info needs a moment after a token was made
HOW_TO_GET_ONE = "`edgeadm token create --print-join-command` on a control plane makes a new one"


def discover(ticket: Ticket, timeout: float = TIMEOUT) -> TokenApi:
    """The cluster's API, its certificate checked. Raises an error of cluster/errors.py."""
    if ticket.by_file:
        server, ca = _cluster_of(discovery_file(ticket).decode(errors="replace"))
        return _reached(TokenApi(server, ca, ticket.bootstrap_token, timeout))
    kubeconfig = _signed_kubeconfig(ticket, timeout)
    server, ca = _cluster_of(kubeconfig)
    if not ticket.trust_anyone:
        _check_pins(ca, ticket.ca_hashes)
    asked = TokenApi(server_of(*ticket.address), ca, ticket.bootstrap_token, timeout)
    if server != asked.server:
        try:
            return replace(_checked(replace(asked, server=server, timeout=timeout / 2)), timeout=timeout)
        except (UnreachableError, ApiError):
            pass  # an address of the cluster's own network: the one that we were given works, or says why not
    return _reached(asked)


def server_of(host: str, port: int) -> str:
    """https://HOST:PORT, an IPv6 address in brackets."""
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def spki_hashes(bundle: bytes) -> list[str]:
    """`sha256:…` of every certificate's public key, as `--discovery-token-ca-cert-hash` has it."""
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
        data = _cluster_info(server_of(*ticket.address), timeout)
        return f"jws-kubeconfig-{name}" in data

    CLOCK.poll(is_signed, SIGNER, 0.5)
    kubeconfig, jws = data.get("kubeconfig", ""), data.get(f"jws-kubeconfig-{name}")
    if jws is None:
        raise TokenUnknownError(
            f"the cluster at {ticket.endpoint} knows no token `{name}`: expired, or of another cluster",
            hint=HOW_TO_GET_ONE,
        )
    header, _, signature = jws.partition("..")
    if not hmac.compare_digest(signature, signature_of(kubeconfig, header, secret)):
        raise TokenWrongError(
            f"the second half of the token `{name}` is not what the cluster at {ticket.endpoint} has",
            hint=f"copy the whole token; {HOW_TO_GET_ONE}",
        )
    return kubeconfig


def _cluster_info(server: str, timeout: float) -> Mapping[str, str]:
    answer: Answer = call(server, "GET", CLUSTER_INFO, unchecked(), timeout=timeout)
    found = answer.document().get("data")
    if answer.status in (401, 403):
        raise ApiError(
            f"{server} shows its cluster-info to nobody who is not known",
            hint="join with `--discovery-file` and a kubeconfig of that cluster",
        )
    if answer.status != 200 or not isinstance(found, dict) or "kubeconfig" not in found:
        raise NotAnApiServerError(
            f"{server} has no cluster-info in kube-public",
            hint="is it a cluster that kubeadm or edgeadm made? Check address and port",
        )
    return found


def _cluster_of(kubeconfig: str) -> tuple[str, bytes]:
    try:
        found: Any = yaml_text.load(kubeconfig)
        cluster = found["clusters"][0]["cluster"]
        return cluster["server"].rstrip("/"), base64.b64decode(cluster["certificate-authority-data"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise NotAnApiServerError(
            "the kubeconfig names no cluster with an address and a CA",
            hint="a discovery file needs `server` and `certificate-authority-data`",
        ) from error


def _check_pins(ca: bytes, wanted: tuple[str, ...]) -> None:
    found = spki_hashes(ca)
    if not set(found) & set(wanted):
        raise WrongCaError(
            "the cluster's CA is not the one that the hash names",
            context=f"found {', '.join(found) or 'no certificate'}\nwanted {', '.join(wanted)}",
            hint="take the hash from `edgeadm init` of this very cluster; "
            "if it was right, somebody else answers at that address",
        )


def _reached(api: TokenApi) -> TokenApi:
    """Itself, once it has answered with a certificate that holds. Where that is made for other addresses, the
    same server under the name that it is made for."""
    try:
        return _checked(api)
    except CertificateAddressError as error:
        return _by_name(api, error)


def _checked(api: TokenApi) -> TokenApi:
    answer = api.good(api.ask(VERSION), VERSION)
    check_clock(answer.headers.get("date", ""))
    return api


def _by_name(api: TokenApi, error: CertificateAddressError) -> TokenApi:
    """The server at this IP address as COMMON_NAME. Raises the error where its certificate lacks that too, or
    where it was a name that was asked for: where a name leads is for the DNS to say, today and tomorrow."""
    where = urlsplit(api.server)
    try:
        address = str(ipaddress.ip_address(where.hostname or ""))
    except ValueError:
        raise error from None
    try:
        return _checked(replace(api, server=server_of(COMMON_NAME, where.port or PORT), at=address))
    except CertificateAddressError:
        raise error from None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
