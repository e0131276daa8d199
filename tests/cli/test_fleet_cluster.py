"""`edgeadm fleet-cluster`, which the controller in the cluster calls."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.world import edgeadm
from tests.machine import Machine


def test_a_fault_in_the_document_is_one_json_document(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    kind = {"apiVersion": "platform.tkestack.io/v1", "kind": "Cluster", "metadata": {"name": "shop"}}
    file.write_text(json.dumps({**kind, "spec": {"type": "Edge", "clusterCidr": "10.0.0.0/8"}}))
    ended = edgeadm(Machine(tmp_path), "fleet-cluster", "--file", str(file))
    assert ended.status == 3
    error = json.loads(ended.out)["error"]
    assert "clusterCIDR" in json.dumps(error)


def test_variables_of_the_controller_are_not_those_of_the_author(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    kind = {"apiVersion": "platform.tkestack.io/v1", "kind": "Cluster", "metadata": {"name": "shop"}}
    machines = [{"ip": "10.0.0.8", "username": "root", "password": "${HOME}"}]
    file.write_text(json.dumps({**kind, "spec": {"type": "Edge", "machines": machines}}))
    ended = edgeadm(Machine(tmp_path), "fleet-cluster", "--file", str(file))
    assert ended.status == 3
    assert "HOME" in json.loads(ended.out)["error"]["message"] + json.loads(ended.out)["error"].get(
        "context", ""
    )
