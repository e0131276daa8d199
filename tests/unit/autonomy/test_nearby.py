"""The status of lite-apiserver over real TLS, from a server of the test."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from edgeadm.autonomy.nearby import NearbyServers
from edgeadm.autonomy.node import open_node
from edgeadm.autonomy.server import SERVER_CHECKS
from edgeadm.cluster.errors import CertificateExpiredError, ConnectionRefusedByHostError
from edgeadm.node.lite_files import AUTHORITY, LOCAL
from tests.steady_node import EdgeNode, kubeconfig
from tests.unit.cluster.test_discovery import NOW, Server

ANSWERS = next(each for each in SERVER_CHECKS if each.code == "lite-answers")


@pytest.mark.parametrize("status", [200, 401, 404, 503])
def test_every_status_counts_if_the_certificate_is_valid(tmp_path: Path, status: int) -> None:
    with Server(tmp_path, answers={"/healthz": (status, {})}).running() as server:
        assert NearbyServers(5).status(f"https://127.0.0.1:{server.port}", server.ca, "/healthz") == status


def test_an_invalid_certificate_and_a_refused_connection_are_different_errors(tmp_path: Path) -> None:
    with (
        Server(tmp_path, until=NOW - timedelta(minutes=1)).running() as server,
        pytest.raises(CertificateExpiredError),
    ):
        NearbyServers(5).status(f"https://127.0.0.1:{server.port}", server.ca, "/healthz")
    with pytest.raises(ConnectionRefusedByHostError):
        NearbyServers(5).status(f"https://127.0.0.1:{server.port}", server.ca, "/healthz")


def test_the_check_trusts_only_the_file_of_the_ca(tmp_path: Path) -> None:
    node = EdgeNode(tmp_path / "node")
    with Server(tmp_path, answers={"/healthz": (200, {})}).running() as server:
        node.host.files[LOCAL] = kubeconfig(f"https://127.0.0.1:{server.port}")
        opened = open_node(node.host, NearbyServers(5))
        assert "was not signed by the cluster CA" in ANSWERS.probe(opened).text
        node.host.files[AUTHORITY] = server.ca
        assert ANSWERS.probe(opened).result == "ok"
        node.host.files[AUTHORITY] = b"no certificate"
        assert ANSWERS.probe(opened).text == f"{AUTHORITY} contains no certificate to verify it with"
