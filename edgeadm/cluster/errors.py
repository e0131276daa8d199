"""Reasons why a node cannot join: one class for each cause, although many look alike on the network."""

from __future__ import annotations

from edgeadm.errors import ApiError, UnreachableError


class AddressUnknownError(UnreachableError):
    """The API server's name cannot be resolved on this host."""

    code = "address-unknown"


class NoRouteError(UnreachableError):
    """This host has no route to the API server's address."""

    code = "no-route"


class ConnectionRefusedByHostError(UnreachableError):
    """The host at the API server's address responds, but no process listens on the port."""

    code = "connection-refused"


class NoAnswerError(UnreachableError):
    """The API server's address does not respond: the host is off, or a firewall drops the packets."""

    code = "no-answer"


class HungUpError(UnreachableError):
    """The connection is accepted and closed at once: a load balancer without a healthy API server."""

    code = "hung-up"


class NotAnApiServerError(UnreachableError):
    """A server responds at the address, but it is not the API server of a kubeadm cluster."""

    code = "not-an-api-server"


class DiscoveryFileError(UnreachableError):
    """The discovery file could not be downloaded."""

    code = "discovery-file"


class ConflictError(ApiError):
    """The object exists already, or was changed by another client since it was read."""

    code = "conflict"


class WrongCaError(ApiError):
    """The cluster's CA does not match the hash: a wrong hash, another cluster, or an impostor."""

    code = "wrong-ca-hash"


class TokenUnknownError(ApiError):
    """The cluster has no such token: it has expired, was deleted, or belongs to another cluster."""

    code = "token-unknown"


class TokenWrongError(ApiError):
    """The cluster has a token with this ID, but another secret."""

    code = "token-wrong"


class TokenRefusedError(ApiError):
    """The API server rejects the token."""

    code = "token-refused"


class ClockError(ApiError):
    """The clocks of this host and of the API server differ too much for certificates to be valid."""

    code = "clock-skew"


class CertificateExpiredError(ApiError):
    """The API server's certificate has expired."""

    code = "certificate-expired"


class CertificateAddressError(ApiError):
    """The API server's certificate is not valid for the address in use."""

    code = "certificate-address"


class CertificateUntrustedError(ApiError):
    """The API server's certificate was not signed by the cluster CA."""

    code = "certificate-untrusted"
