"""The order in which the nodes of a sandbox boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.sandbox import Sandbox, Store
from edgeadm.sandbox.node import API_MANIFEST, Node
from edgeadm.sandbox.state import NodeRecord, SandboxRecord

NODES = (
    NodeRecord("edge1", "edge", "10.77.0.101"),
    NodeRecord("cp1", "control-plane", "10.77.0.11"),
    NodeRecord("cp2", "control-plane", "10.77.0.12"),
)


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the nodes in the order in which they became ready, and each look at an API server."""
    order: list[str] = []

    def serves(node: Node) -> bool:
        order.append(f"{node.name} serves?")
        return order.count(f"{node.name} serves?") > 1

    monkeypatch.setattr(Sandbox, "_raise_switch", lambda *_: None)
    monkeypatch.setattr(Sandbox, "_start", lambda _, node: order.append(node.name))
    monkeypatch.setattr(Node, "prepare", lambda *_: None)
    monkeypatch.setattr(Node, "is_on", lambda _: False)
    monkeypatch.setattr(Node, "serves_api", serves)
    monkeypatch.setattr("edgeadm.sandbox.lab.cgroups.enable_controllers", lambda _: None)
    monkeypatch.setattr("edgeadm.sandbox.lab.cgroups.this_machine", list)
    monkeypatch.setattr("edgeadm.sandbox.lab.hostsfile.update", lambda *_: None)
    return order


def boot(tmp_path: Path, *with_api: str) -> None:
    store = Store(tmp_path)
    sandbox = Sandbox("demo", store)
    for name in with_api:
        manifest = store.node_folder("demo", name) / "root" / API_MANIFEST
        manifest.parent.mkdir(parents=True)
        manifest.touch()
    sandbox.ssh_key.parent.mkdir(parents=True, exist_ok=True)
    sandbox.boot(SandboxRecord("demo", 0, nodes=NODES, image="/image", layer="/layer"))


def test_an_edge_node_boots_once_an_api_server_answers(tmp_path: Path, booted: list[str]) -> None:
    boot(tmp_path, "cp1", "cp2")
    assert set(booted[:2]) == {"cp1", "cp2"}
    assert booted[2:-1] == ["cp1 serves?", "cp2 serves?", "cp1 serves?"]
    assert booted[-1] == "edge1"


def test_without_a_cluster_no_node_waits(tmp_path: Path, booted: list[str]) -> None:
    boot(tmp_path)
    assert sorted(booted) == ["cp1", "cp2", "edge1"]


def test_an_api_server_that_does_not_come_back_delays_the_others_only(
    tmp_path: Path, booted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeadm.sandbox.lab.API_PATIENCE", 0.0)
    boot(tmp_path, "cp1")
    assert booted[-2:] == ["cp1 serves?", "edge1"]
