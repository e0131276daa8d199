"""The variables that `edgeadm sandbox exec` gives to a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.sandbox import Node, Store
from edgeadm.sandbox.names import wanted_nodes
from edgeadm.sandbox.state import SandboxRecord


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.delenv("TERM", raising=False)
    record = SandboxRecord("demo", 7, "/image", "/layer").with_nodes(wanted_nodes(1, 0, 0))
    return Node(Store(tmp_path), record, record.nodes[0])


def test_a_node_without_a_cluster_gets_no_kubeconfig(node: Node) -> None:
    assert node.session() == {}


def test_a_control_plane_gets_its_administrators_kubeconfig(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    path = node.root / "etc/kubernetes/admin.conf"
    path.parent.mkdir(parents=True)
    path.touch()
    assert node.session() == {"TERM": "xterm", "KUBECONFIG": "/etc/kubernetes/admin.conf"}
