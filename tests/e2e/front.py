"""A TLS proxy of an API server, with its own certificate and clock: run as a program in the network of a
node."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgeadm.sandbox import Node, names
from tests.e2e.waiting import until

PORT = 7443
READY = "ready"


@contextmanager
def front(node: Node, pem: Path, ahead: timedelta = timedelta()) -> Iterator[None]:
    """Port 7443 of the node proxies its API server, with another certificate and clock."""
    space = Path("/run/netns", names.node_netns(node.sandbox.name, node.name))
    command = [sys.executable, "-m", "tests.e2e.front", str(pem), str(ahead.total_seconds())]
    run = subprocess.Popen(
        ["nsenter", f"--net={space}", "--", *command],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert run.stdout is not None
        until(lambda: READY in run.stdout.readline(), "the front listens")  # type: ignore[union-attr]
        yield
    finally:
        run.terminate()
        run.communicate(timeout=60)


def certificate(
    authority: tuple[bytes, bytes], address: str, since: timedelta, until: timedelta, pem: Path
) -> Path:
    """Certificate and key of an API server at this address, signed by the CA, with validity relative to
    now."""
    issuer = x509.load_pem_x509_certificate(authority[0])
    signer: Any = serialization.load_pem_private_key(authority[1], None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kube-apiserver")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    encoding = serialization.Encoding.PEM
    pem.write_bytes(made.public_bytes(encoding) + key.private_bytes(encoding, *form))
    return pem


def serve(pem: str, ahead: float) -> None:
    """Forward every request to the API server of this network, until the process is killed."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            trust = ssl._create_unverified_context()
            behind = http.client.HTTPSConnection("127.0.0.1", 6443, context=trust)
            sent = {name: self.headers[name] for name in ("Authorization",) if name in self.headers}
            behind.request("GET", self.path, headers=sent)
            answer = behind.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            moment = datetime.now(UTC).timestamp() if timestamp is None else timestamp
            return formatdate(moment + ahead, usegmt=True)

    server = ThreadingHTTPServer(("0.0.0.0", PORT), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], float(sys.argv[2]))
