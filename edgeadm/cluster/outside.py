"""The API over plain HTTPS, without the Kubernetes client, for the few requests of a joining node."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from edgeadm.clock import CLOCK
from edgeadm.cluster.base import Object
from edgeadm.cluster.errors import (
    AddressUnknownError,
    ConnectionRefusedByHostError,
    HungUpError,
    NoAnswerError,
    NoRouteError,
    NotAnApiServerError,
    TokenRefusedError,
)
from edgeadm.cluster.trust import explain
from edgeadm.config.address import HostPort
from edgeadm.errors import ApiError

TIMEOUT = 5.0
POLL = 0.2
HANGS_UP = (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError)
HIDDEN = (403, 404)


@dataclass(frozen=True)
class Answer:
    """An HTTP response: status, headers with lower-case names, body, and its server."""

    status: int
    headers: dict[str, str]
    body: bytes
    server: str

    def document(self) -> dict[str, Any]:
        """The body as a JSON object. Raises NotAnApiServerError."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            said = self.body[:200].decode(errors="replace").strip()
            raise NotAnApiServerError(
                f"{self.server} responds, but not as a Kubernetes API server",
                context=f"{self.status} {said}".strip(),
                hint="check address and port",
            )
        return found


@dataclass(frozen=True)
class TokenApi:
    """A verified API server, and our token. A copy of it is an Outside.

    With `at`, connections go to that address, and the certificate must be valid for the host of `server`.
    """

    server: str
    ca: bytes
    token: str = field(default="", repr=False)
    timeout: float = TIMEOUT
    at: str = ""

    def ask(self, path: str) -> Answer:
        """The server's response, unprocessed."""
        return self._call("GET", path)

    def get(self, path: str) -> Object | None:
        answer = self.ask(path)
        if answer.status in HIDDEN:
            return None
        return self.good(answer, path).document() if answer.body[:1] == b"{" else {}

    def create(self, path: str, obj: Object) -> Object:
        answer = self._call("POST", path, json.dumps(obj).encode())
        if answer.status == http.HTTPStatus.CONFLICT:
            there = self.get(f"{path}/{obj['metadata']['name']}")
            if there is not None:
                return there
        return self.good(answer, path).document()

    def through(self, server: str) -> TokenApi:
        return replace(self, server=server, at="")

    def _call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        context = ssl.create_default_context(cadata=self.ca.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # CAs of older clusters lack key identifiers
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        more: dict[str, Any] = {"body": body, "headers": headers, "timeout": self.timeout, "at": self.at}
        return call(self.server, method, path, context, **more)

    def good(self, answer: Answer, path: str) -> Answer:
        """The response. Raises TokenRefusedError, ApiError."""
        if answer.status == http.HTTPStatus.UNAUTHORIZED:
            raise TokenRefusedError(
                f"the API server at {self.server} does not accept the token",
                hint=(
                    "it may have expired or been deleted; create one with `edgeadm token create` on a "
                    "control plane"
                ),
            )
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(
                f"{path}: the API server answered {answer.status}",
                context=answer.body[:500].decode(errors="replace"),
            )
        return answer


class Connection(http.client.HTTPSConnection):
    """Connects to the address `at`, and expects a certificate for our `host`."""

    at = ""
    trust: ssl.SSLContext

    def connect(self) -> None:
        plain = socket.create_connection((self.at, self.port), self.timeout)
        self.sock = self.trust.wrap_socket(plain, server_hostname=self.host)


def _connect(connection: Connection, seconds: float) -> None:
    """Open the connection. If it is closed at once, it is retried: a load balancer of several control planes
    does this during a leader election. No data was sent by then."""
    refused: list[OSError] = []

    def connects() -> bool:
        refused.clear()
        try:
            connection.connect()
        except HANGS_UP as error:
            refused.append(error)
        return not refused

    if not CLOCK.poll(connects, seconds, POLL):
        raise refused[0]


def call(
    server: str,
    method: str,
    path: str,
    context: ssl.SSLContext,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = TIMEOUT,
    at: str = "",
) -> Answer:
    """One request, sent to the address `at` if it is set. Raises a separate error for each cause of a missing
    response."""
    where = HostPort.of_url(server)
    name, port = where.host, where.port
    host = at or name
    connection = Connection(name, port, timeout=timeout, context=context)
    connection.at, connection.trust = host, context
    with _explained(server, host, port, timeout):
        resolve(host, port, timeout)
        try:
            _connect(connection, timeout)
            sent = {"Accept": "application/json", "Content-Type": "application/json"} | (headers or {})
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read(), server)
        finally:
            connection.close()


def resolve(host: str, port: int, timeout: float) -> None:
    """Limit the time of the resolver, whose own time-out is half a minute. Raises AddressUnknownError."""
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    if not found or isinstance(found[0], OSError):
        reason = str(found[0]) if found else f"the resolver did not respond within {timeout:g} s"
        raise AddressUnknownError(
            f"this host cannot resolve `{host}`",
            context=reason,
            hint="use the API server's IP address, or add the name to /etc/hosts or your DNS",
        )


@contextmanager
def _explained(server: str, host: str, port: int, timeout: float) -> Iterator[None]:
    try:
        yield
    except HANGS_UP as error:
        raise HungUpError(
            f"{host} port {port} accepts connections and closes them at once",
            context=str(error),
            hint=(
                "this may be a load balancer without a healthy API server: check its log, and that of "
                "kube-apiserver on the control planes"
            ),
        ) from error
    except ConnectionRefusedError as error:
        raise ConnectionRefusedByHostError(
            f"{host} refuses connections to port {port}: the host is up, but no API server listens",
            hint="check the port, and that kube-apiserver is running there",
        ) from error
    except TimeoutError as error:
        raise NoAnswerError(
            f"{host} port {port} does not respond within {timeout:g} s",
            hint=f"check that the host is on, and that no firewall blocks TCP port {port}",
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise explain(server, error, timeout) from error
    except ssl.SSLError as error:
        reason = (error.reason or "").replace("_", " ").lower()
        raise NotAnApiServerError(
            f"{host} port {port} does not speak TLS", context=reason, hint="check address and port"
        ) from error
    except http.client.HTTPException as error:
        raise NotAnApiServerError(
            f"{host} port {port} does not speak HTTP", context=repr(error), hint="check address and port"
        ) from error
    except OSError as error:
        raise _unrouted(host, error) from error


def _unrouted(host: str, error: OSError) -> NoRouteError:
    """Whether a router or a neighbour was not reachable: EHOSTUNREACH is the message of the last router, or
    of a failed ARP request."""
    if error.errno == errno.EHOSTUNREACH:
        return NoRouteError(
            f"{host} is unreachable: {error.strerror}",
            hint=f"`ip route get {host}` shows the next hop; check that it and the host are on",
        )
    return NoRouteError(
        f"this host has no route to {host}: {error.strerror or error}",
        hint="nothing was sent: `ip addr` and `ip route` show what is missing on this host",
    )
