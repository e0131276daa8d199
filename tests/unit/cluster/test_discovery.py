"""Discovery against an HTTPS server of the test's own: what can be wrong has an error of its own."""

from __future__ import annotations

import base64
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgeadm.cluster.discovery import CLUSTER_INFO, discover, signature_of, spki_hashes
from edgeadm.cluster.web import discovery_file
from edgeadm.config import Config
from edgeadm.config.model import JoinFlags
from edgeadm.config.ticket import Ticket, ticket_of
from edgeadm.config.validate_join import join_faults
from edgeadm.errors import EdgeadmError

TOKEN = "abcdef.0123456789abcdef"
HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"abcdef"}').rstrip(b"=").decode()
NOW = datetime.now(UTC)


@dataclass
class Server:
    """An API server: its CA, its certificate, and what it answers."""

    folder: Path
    address: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    ahead: timedelta = timedelta()
    since: datetime = NOW - timedelta(hours=1)
    until: datetime = NOW + timedelta(hours=1)
    token: str = TOKEN
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    port: int = 0
    ca: bytes = b""

    def ticket(self, **changed: Any) -> Ticket:
        pins = tuple(spki_hashes(self.ca))
        return replace(Ticket(f"127.0.0.1:{self.port}", TOKEN, TOKEN, pins), **changed)

    @contextmanager
    def running(self) -> Iterator[Server]:
        self.ca, chain = self._certificates()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.port = server.server_address[1]
        self.answers = self._cluster_info() | {"/version": (200, {"gitVersion": "v1.34.4"})} | self.answers
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def kubeconfig(self) -> str:
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority-data": base64.b64encode(self.ca).decode(),
        }
        return json.dumps({"clusters": [{"cluster": cluster}]})

    def _cluster_info(self) -> dict[str, tuple[int, Any]]:
        text = self.kubeconfig()
        name, _, secret = self.token.partition(".")
        data = {
            "kubeconfig": text,
            f"jws-kubeconfig-{name}": f"{HEADER}..{signature_of(text, HEADER, secret)}",
        }
        return {CLUSTER_INFO: (200, {"data": data})}

    def _certificates(self) -> tuple[bytes, Path]:
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kubernetes")])
        ca = (
            _builder(name, name, ca_key, NOW - timedelta(days=9), NOW + timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(ca_key, hashes.SHA256())
        )
        own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kube-apiserver")])
        names = [x509.DNSName(name) for name in self.names]
        san = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(self.address)), *names])
        leaf = (
            _builder(own, name, key, self.since, self.until)
            .add_extension(san, critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        chain = self.folder / "server.pem"
        chain.write_bytes(leaf.public_bytes(pem) + key.private_bytes(pem, *form))
        return ca.public_bytes(pem), chain


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = server.answers.get(self.path, (404, {}))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def date_time_string(self, _timestamp: float | None = None) -> str:
            return format_datetime(datetime.now(UTC) + server.ahead, usegmt=True)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A test is quiet."""

    return Handler


def code_of(ticket: Ticket) -> str:
    with pytest.raises(EdgeadmError) as caught:
        discover(ticket, timeout=1)
    assert caught.value.hint
    return caught.value.code


def test_a_cluster_is_found_and_checked(tmp_path: Path) -> None:
    with Server(tmp_path).running() as server:
        found = discover(server.ticket())
        assert (found.server, found.ca) == (f"https://127.0.0.1:{server.port}", server.ca)
        assert found.get("/version") == {"gitVersion": "v1.34.4"}
        assert found.get("/nothing") is None


def test_a_certificate_without_the_address_holds_for_a_name_that_it_has(
    tmp_path: Path,
) -> None:
    with Server(tmp_path, address="10.9.9.9", names=("kubernetes", "kubernetes.default")).running() as server:
        found = discover(server.ticket())
        assert (found.server, found.at) == (f"https://kubernetes.default:{server.port}", "127.0.0.1")
        assert found.get("/version") == {"gitVersion": "v1.34.4"}


@pytest.mark.parametrize("names", [("kubernetes.default",), ()], ids=["with the name", "without"])
def test_the_name_does_not_make_up_for_another_authority(tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "other").mkdir()
    with Server(tmp_path / "other").running() as other:
        authority = other.ca
    with Server(tmp_path, address="10.9.9.9", names=names).running() as server:
        config = json.loads(server.kubeconfig())
        config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
        code = code_of(Ticket(bootstrap_token=TOKEN, kubeconfig=json.dumps(config).encode()))
        assert code in ("certificate-untrusted", "certificate-address")


def test_a_discovery_file_is_enough(tmp_path: Path) -> None:
    with Server(tmp_path).running() as server:
        ticket = Ticket(bootstrap_token=TOKEN, kubeconfig=server.kubeconfig().encode())
        assert discover(ticket).ca == server.ca


def on_the_web(server: Server, path: str = "/join.conf") -> Ticket:
    flags = JoinFlags(discovery_file=f"https://127.0.0.1:{server.port}{path}", tls_bootstrap_token=TOKEN)
    return ticket_of(Config(join=flags))


def test_a_discovery_file_on_a_web_server_is_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(tmp_path).running() as server:
        (tmp_path / "ca.pem").write_bytes(server.ca)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        server.answers["/join.conf"] = (200, json.loads(server.kubeconfig()))
        assert discover(on_the_web(server)).ca == server.ca
        del server.answers["/join.conf"]
        assert discovery_file(on_the_web(server))
        assert (
            list(join_faults(Config(join=JoinFlags(discovery_file="https://x/y", tls_bootstrap_token=TOKEN))))
            == []
        )


def test_a_discovery_file_that_cannot_be_fetched_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(tmp_path).running() as server:
        assert code_of(on_the_web(server)) == "discovery-file", "the server is not trusted"
        (tmp_path / "ca.pem").write_bytes(server.ca)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert code_of(on_the_web(server)) == "discovery-file", "there is no such file"
        port = server.port
    flags = JoinFlags(discovery_file=f"https://127.0.0.1:{port}/gone", tls_bootstrap_token=TOKEN)
    assert code_of(ticket_of(Config(join=flags))) == "discovery-file", "nothing listens"


CASES: dict[str, tuple[dict[str, Any], Callable[[Server], dict[str, Any]], str]] = {
    "another CA": ({}, lambda _s: {"ca_hashes": ("sha256:" + "0" * 64,)}, "wrong-ca-hash"),
    "an unknown token": ({"token": "zzzzzz.0123456789abcdef"}, lambda _s: {}, "token-unknown"),
    "a wrong secret": ({"token": "abcdef.fedcba9876543210"}, lambda _s: {}, "token-wrong"),
    "a refused token": ({"answers": {"/version": (401, {})}}, lambda _s: {}, "token-refused"),
    "a clock behind": ({"since": NOW + timedelta(minutes=30)}, lambda _s: {}, "clock-skew"),
    "a clock behind, an old certificate": ({"ahead": timedelta(hours=2)}, lambda _s: {}, "clock-skew"),
    "an expired certificate": ({"until": NOW - timedelta(minutes=30)}, lambda _s: {}, "certificate-expired"),
    "a certificate for elsewhere": ({"address": "10.9.9.9"}, lambda _s: {}, "certificate-address"),
    "another name in the certificate": (
        {"address": "10.9.9.9", "names": ("kubernetes.default",)},
        lambda s: {"endpoint": f"localhost:{s.port}"},
        "certificate-address",
    ),
    "no cluster-info": ({"answers": {CLUSTER_INFO: (404, {})}}, lambda _s: {}, "not-an-api-server"),
    "no anonymous users": ({"answers": {CLUSTER_INFO: (403, {})}}, lambda _s: {}, "api-refused"),
    "a name of nobody": ({}, lambda s: {"endpoint": f"nowhere.invalid:{s.port}"}, "address-unknown"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named(name: str, tmp_path: Path) -> None:
    fields, change, code = CASES[name]
    with Server(tmp_path, **fields).running() as server:
        assert code_of(server.ticket(**change(server))) == code


def test_a_port_where_nothing_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert code_of(Ticket(f"127.0.0.1:{port}", TOKEN, TOKEN, ("sha256:" + "0" * 64,))) == "connection-refused"


def test_a_port_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        ticket = Ticket(f"127.0.0.1:{port}", TOKEN, TOKEN, ("sha256:" + "0" * 64,))
        assert code_of(ticket) == "no-answer"


@contextmanager
def balancer(port: int, hangs_up: int) -> Iterator[int]:
    """A balancer's port: it ends that many connections at once, and leads the others to the server's port."""
    front = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        left = hangs_up
        while True:
            try:
                client, _ = front.accept()
            except OSError:
                return
            left -= 1
            if left >= 0:
                client.close()
            else:
                back = socket.create_connection(("127.0.0.1", port))
                for one, other in ((client, back), (back, client)):
                    threading.Thread(target=_carry, args=(one, other), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield front.getsockname()[1]
    finally:
        front.close()


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Until either end is closed, which the other direction does as well."""
    with other, suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)


def test_a_balancer_that_finds_a_server_in_the_end_is_waited_for(tmp_path: Path) -> None:
    with Server(tmp_path).running() as server, balancer(server.port, 3) as port:
        found = discover(server.ticket(endpoint=f"127.0.0.1:{port}"))
        assert found.get("/version") == {"gitVersion": "v1.34.4"}


def test_a_balancer_without_a_server_is_named(tmp_path: Path) -> None:
    with Server(tmp_path).running() as server, balancer(server.port, 1 << 20) as port:
        assert code_of(server.ticket(endpoint=f"127.0.0.1:{port}")) == "hung-up"
