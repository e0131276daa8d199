"""The API over plain HTTPS, without the Kubernetes client: a node that joins asks a handful of questions."""

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
from urllib.parse import urlsplit

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
from edgeadm.config.ticket import PORT
from edgeadm.errors import ApiError

TIMEOUT = 5.0
POLL = 0.2
HANGS_UP = (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError)
HIDDEN = (403, 404)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers with small names, body, and who gave it."""

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
                f"{self.server} answers, but not as a Kubernetes API server does",
                context=f"{self.status} {said}".strip(),
                hint="check address and port",
            )
        return found


@dataclass(frozen=True)
class TokenApi:
    """An API server that was checked, and the token that we hold. A copy of it is an Outside.

    With `at`, it is that address which is called, and the host of `server` is the name that its certificate
    has to have."""

    server: str
    ca: bytes
    token: str = field(default="", repr=False)
    timeout: float = TIMEOUT
    at: str = ""

    def ask(self, path: str) -> Answer:
        """What the server answers, as it came."""
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
        """The answer. Raises TokenRefusedError, ApiError."""
        if answer.status == http.HTTPStatus.UNAUTHORIZED:
            raise TokenRefusedError(
                f"the API server at {self.server} does not accept the token",
                hint="expired or deleted? `edgeadm token create` on a control plane makes a new one",
            )
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(
                f"{path}: the API server answered {answer.status}",
                context=answer.body[:500].decode(errors="replace"),
            )
        return answer


class Connection(http.client.HTTPSConnection):
    """To the address `at`, of which a certificate for our `host` is expected."""

    at = ""
    trust: ssl.SSLContext

    def connect(self) -> None:
        plain = socket.create_connection((self.at, self.port), self.timeout)
        self.sock = self.trust.wrap_socket(plain, server_hostname=self.host)


def _connect(connection: Connection, seconds: float) -> None:
    """Open the connection. One that is ended at once is tried again: the balancer in front of several control
    planes does so while they find their new leader. Nothing was sent by then."""
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
    """One request, sent to the address `at` where it is set. Raises an error of its own for each way in which
    there may be no answer."""
    where = urlsplit(server)
    name, port = where.hostname or "", where.port or PORT
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
    """Wait no longer than this for the resolver: its own patience is half a minute. Raises
    AddressUnknownError."""
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
        reason = str(found[0]) if found else f"the resolver did not answer within {timeout:g} s"
        raise AddressUnknownError(
            f"this machine cannot resolve `{host}`",
            context=reason,
            hint="use the API server's IP address, or enter the name in /etc/hosts or your DNS",
        )


@contextmanager
def _explained(server: str, host: str, port: int, timeout: float) -> Iterator[None]:
    try:
        yield
    except HANGS_UP as error:
        raise HungUpError(
            f"{host} port {port} takes connections and ends them at once",
            context=str(error),
            hint="a balancer without a live API server behind it? Its log, and that of kube-apiserver on the "
            "control planes, tell more",
        ) from error
    except ConnectionRefusedError as error:
        raise ConnectionRefusedByHostError(
            f"{host} refuses connections to port {port}: the machine is there, an API server is not",
            hint="is it the right port, and does kube-apiserver run there?",
        ) from error
    except TimeoutError as error:
        raise NoAnswerError(
            f"{host} port {port} does not answer within {timeout:g} s",
            hint=f"is the machine on, and does every firewall between let TCP port {port} through?",
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
    """Which hop it ends at: EHOSTUNREACH is what the last router says, or a neighbour that keeps silent."""
    if error.errno == errno.EHOSTUNREACH:
        return NoRouteError(
            f"the way to {host} ends before it: {error.strerror}",
            hint=f"`ip route get {host}` names the next hop; is it, or the machine itself, off or elsewhere?",
        )
    return NoRouteError(
        f"this machine has no way to {host}: {error.strerror or error}",
        hint="nothing was sent: `ip addr` and `ip route` show what is missing on this machine",
    )
