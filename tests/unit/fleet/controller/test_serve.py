"""The HTTP server of the controller."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeadm.fleet.controller.serve import Files, Server

DATA = bytes(range(256)) * 100


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[http.client.HTTPConnection, str]]:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    sha256 = hashlib.sha256(DATA).hexdigest()
    files = Files()
    files.add(sha256, path)
    server = Server(0, files, lambda: True, lambda: False, host="127.0.0.1")
    server.begin()
    client = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    yield client, sha256
    client.close()
    server.shutdown()
    server.server_close()


def ask(client: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, bytes]:
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    return answer.status, answer.read()


def test_a_file_is_continued_at_an_offset(served: tuple[http.client.HTTPConnection, str]) -> None:
    client, sha256 = served
    assert ask(client, f"/files/{sha256}") == (200, DATA)
    assert ask(client, f"/files/{sha256}", Range="bytes=1000-") == (206, DATA[1000:])
    assert ask(client, f"/files/{sha256}", Range=f"bytes={len(DATA)}-") == (206, b"")
    assert ask(client, f"/files/{sha256}", Range=f"bytes={len(DATA) + 1}-")[0] == 416


def test_nothing_else_is_served(served: tuple[http.client.HTTPConnection, str]) -> None:
    client, sha256 = served
    for path in (
        "/",
        "/files/",
        f"/files/{'0' * 64}",
        f"/files/../{sha256}",
        "/etc/passwd",
        f"/files/{sha256}/",
    ):
        assert ask(client, path)[0] == 404


def test_probes(served: tuple[http.client.HTTPConnection, str]) -> None:
    client, _ = served
    assert ask(client, "/healthz")[0] == 200
    assert ask(client, "/readyz")[0] == 503


def test_a_file_that_is_not_prepared_is_prepared_when_it_is_requested(tmp_path: Path) -> None:
    asked: list[int] = []
    files = Files(lambda: asked.append(1))
    server = Server(0, files, lambda: True, lambda: True, host="127.0.0.1")
    server.begin()
    client = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    assert ask(client, f"/files/{'0' * 64}")[0] == 404
    assert ask(client, "/other")[0] == 404
    assert asked == [1]
    client.close()
    server.shutdown()
    server.server_close()
