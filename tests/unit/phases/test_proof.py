"""When it counts as proven that the API server goes through the tunnel."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.apps.egress_files import CONFIG, COPY, FLAG
from edgeadm.config import Config
from edgeadm.errors import EdgeadmError
from edgeadm.phases.edge_apps.api_server import ApiServer
from tests.edge_cluster import context, edge_pod, run
from tests.machine import Machine
from tests.traces import MANIFEST


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane that somebody made with kubeadm."""
    made = Machine(tmp_path)
    made.make_control_plane()
    return made


def test_one_edge_node_that_answers_is_enough(machine: Machine) -> None:
    edge_pod(machine, log="node added")
    gone = copy.deepcopy(machine.cluster.objects["v1", "Pod", "edge-system", "tunnel-edge-1"])
    gone["metadata"]["name"] = "tunnel-edge-0"
    machine.cluster.objects["v1", "Pod", "edge-system", "tunnel-edge-0"] = gone
    run(machine, only=("namespace", "certificates", "tunnel"))
    ApiServer().apply(context(machine))
    assert FLAG.encode() in machine.host.files[MANIFEST]


def test_edge_nodes_that_are_all_away_are_waited_for_and_told_of(machine: Machine) -> None:
    edge_pod(machine, log="node added")
    run(machine, only=("namespace", "certificates", "tunnel"))
    machine.cluster.objects["v1", "Node", "", "edge1"]["status"] = {"conditions": []}
    told: list[str] = []
    ApiServer().apply(replace(context(machine), warn=told.append))
    assert told == ["no edge node is Ready: the tunnel cannot be tested yet"]
    assert FLAG.encode() in machine.host.files[MANIFEST]


def test_an_api_server_that_still_answers_with_its_old_settings_is_not_the_new_one(
    machine: Machine, tmp_path: Path
) -> None:
    edge_pod(machine, log="node added")
    run(machine)
    theirs = tmp_path / "edge/egress.yaml.j2"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("apiVersion: v1\nhost: {{ host }}\n")
    machine.host.on_manifest = lambda _manifest: None  # the kubelet has not looked yet
    with pytest.raises(EdgeadmError) as failed:
        ApiServer().apply(context(machine, Config(manifests_dir=str(tmp_path))))
    assert "runs with the configured manifest" in failed.value.context


def test_a_second_run_that_fails_leaves_what_the_first_made(machine: Machine, tmp_path: Path) -> None:
    run(machine)
    before = {path: machine.host.files[path] for path in (MANIFEST, CONFIG, COPY)}
    edge_pod(machine, log=None)
    theirs = tmp_path / "edge/egress.yaml.j2"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("apiVersion: v1\nhost: {{ host }}\n")
    ctx = context(machine, Config(manifests_dir=str(tmp_path)))
    assert ApiServer().check(ctx).needed
    with pytest.raises(EdgeadmError):
        ApiServer().apply(ctx)
    assert {path: machine.host.files[path] for path in before} == before
