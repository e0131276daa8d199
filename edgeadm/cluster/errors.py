"""Why a machine does not get into a cluster: one class for each cause that looks alike from outside."""

from __future__ import annotations

from edgeadm.errors import ApiError, UnreachableError


class AddressUnknownError(UnreachableError):
    """The API server's name cannot be resolved on this machine."""

    code = "address-unknown"


class NoRouteError(UnreachableError):
    """This machine has no way to the API server's address."""

    code = "no-route"


class ConnectionRefusedByHostError(UnreachableError):
    """The machine at the API server's address answers, and nothing listens at the port."""

    code = "connection-refused"


class NoAnswerError(UnreachableError):
    """Nothing comes back from the API server's address: it is off, or a firewall drops what is sent."""

    code = "no-answer"


class HungUpError(UnreachableError):
    """Something takes the connection and ends it at once: a balancer that knows no live API server."""

    code = "hung-up"


class NotAnApiServerError(UnreachableError):
    """Something answers at the address, and it is not the API server of a kubeadm cluster."""

    code = "not-an-api-server"


class DiscoveryFileError(UnreachableError):
    """The discovery file could not be fetched from its web server."""

    code = "discovery-file"


class WrongCaError(ApiError):
    """The cluster's CA is not the one that the hash names: a wrong hash, another cluster, or an impostor."""

    code = "wrong-ca-hash"


class TokenUnknownError(ApiError):
    """The cluster knows no such token: it has expired, was deleted, or is another cluster's."""

    code = "token-unknown"


class TokenWrongError(ApiError):
    """The cluster knows a token of that name, with another secret."""

    code = "token-wrong"


class TokenRefusedError(ApiError):
    """The API server does not accept the token."""

    code = "token-refused"


class ClockError(ApiError):
    """The clocks of this machine and of the API server are apart, and certificates do not hold here."""

    code = "clock-skew"


class CertificateExpiredError(ApiError):
    """The API server's certificate is no longer valid."""

    code = "certificate-expired"


class CertificateAddressError(ApiError):
    """The API server's certificate is not made for the address that was used."""

    code = "certificate-address"


class CertificateUntrustedError(ApiError):
    """The API server's certificate was not signed by the cluster's CA."""

    code = "certificate-untrusted"
