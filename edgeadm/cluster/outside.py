"""The API over plain HTTPS, without the Kubernetes client: a node that joins asks a handful of questions."""

from __future__ import annotations

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

from edgeadm.cluster.base import Object
from edgeadm.cluster.errors import (
    AddressUnknownError,
    ConnectionRefusedByHostError,
    NoAnswerError,
    NoRouteError,
    NotAnApiServerError,
    TokenRefusedError,
)
from edgeadm.cluster.trust import explain
from edgeadm.config.ticket import PORT
from edgeadm.errors import ApiError

TIMEOUT = 5.0
HIDDEN = (403, 404)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers with small names, body, and the server's certificate in DER."""

    status: int
    headers: dict[str, str]
    body: bytes
    certificate: bytes = b""

    def document(self) -> dict[str, Any]:
        """The body as a JSON object. Raises NotAnApiServerError."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NotAnApiServerError(
                "the answer is not that of a Kubernetes API server", hint="check address and port"
            )
        return found


@dataclass(frozen=True)
class TokenApi:
    """An API server that was checked, and the token that we hold. A copy of it is an Outside."""

    server: str
    ca: bytes
    token: str = field(default="", repr=False)
    timeout: float = TIMEOUT

    def get(self, path: str) -> Object | None:
        answer = self._call("GET", path)
        if answer.status in HIDDEN:
            return None
        return self._good(answer, path).document() if answer.body[:1] == b"{" else {}

    def create(self, path: str, obj: Object) -> Object:
        answer = self._call("POST", path, json.dumps(obj).encode())
        if answer.status == http.HTTPStatus.CONFLICT:
            there = self.get(f"{path}/{obj['metadata']['name']}")
            if there is not None:
                return there
        return self._good(answer, path).document()

    def through(self, server: str) -> TokenApi:
        return replace(self, server=server)

    def _call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        context = ssl.create_default_context(cadata=self.ca.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # CAs of older clusters lack key identifiers
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return call(self.server, method, path, context, body=body, headers=headers, timeout=self.timeout)

    def _good(self, answer: Answer, path: str) -> Answer:
        if answer.status == http.HTTPStatus.UNAUTHORIZED:
            raise TokenRefusedError(
                f"the API server at {self.server} does not accept the token",
                hint="expired or deleted? `kubeadm token create` on a control plane makes a new one",
            )
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(
                f"{path}: the API server answered {answer.status}",
                context=answer.body[:500].decode(errors="replace"),
            )
        return answer


def call(
    server: str,
    method: str,
    path: str,
    context: ssl.SSLContext,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Answer:
    """One request. Raises an error of its own for each way in which there may be no answer."""
    where = urlsplit(server)
    host, port = where.hostname or "", where.port or PORT
    connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    with _explained(server, host, port, timeout):
        resolve(host, port, timeout)
        try:
            sent = {"Accept": "application/json", "Content-Type": "application/json"} | (headers or {})
            connection.request(method, path, body, sent)
            sock: Any = connection.sock
            certificate = sock.getpeercert(binary_form=True) or b""
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read(), certificate)
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
        raise NotAnApiServerError(
            f"{host} port {port} does not speak TLS", context=str(error), hint="check address and port"
        ) from error
    except http.client.HTTPException as error:
        raise NotAnApiServerError(
            f"{host} port {port} does not speak HTTP", context=repr(error), hint="check address and port"
        ) from error
    except OSError as error:
        raise NoRouteError(
            f"this machine cannot reach {host}: {error.strerror or error}",
            hint=f"`ip route get {host}` and the cable of this machine tell more; nothing was sent further",
        ) from error
