"""The flannel of edge nodes, and who keeps the cluster's own off them, on a cluster in memory."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.apps.affinity import KEPT_OFF, terms_of
from edgeadm.cluster import Awaited
from edgeadm.config import Config
from edgeadm.core.runner import Run
from edgeadm.node.cni_files import CONFLIST
from edgeadm.phases.edge_apps.cloud_only import CloudOnly
from edgeadm.phases.edge_apps.pod_network import EdgePodNetwork
from edgeadm.workflows import ADDON, DETACH, INIT
from tests.edge_cluster import context, run
from tests.machine import Machine
from tests.reports import Recorded

CLOUD = ("apps/v1", "DaemonSet", "kube-flannel", "kube-flannel-ds")
OURS = ("apps/v1", "DaemonSet", "kube-flannel", "edge-flannel")
INFO = ("v1", "ConfigMap", "edge-system", "edge-info")
PHASES = ("pod-network", "cloud-only")
OFF = [{"matchExpressions": [KEPT_OFF]}]
# Shortened from upstream's manifest, by its names.
UPSTREAM = """
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: kube-flannel-ds
  namespace: kube-flannel
  labels: {tier: node, app: flannel, k8s-app: flannel}
spec:
  selector: {matchLabels: {app: flannel, k8s-app: flannel}}
  template:
    metadata: {labels: {tier: node, app: flannel, k8s-app: flannel}}
    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]
      initContainers:
      - name: install-cni-plugin
        image: ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1
      containers:
      - name: side-car
        image: example.org/another:v1
      - name: kube-flannel
        image: example.org/mirrored/flannel:v0.27.0
      volumes:
      - {name: run, hostPath: {path: /run/flannel}}
      - {name: flannel-cfg, configMap: {name: their-flannel-cfg}}
"""
LINUX = [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane that somebody made with kubeadm. It has no pod network yet."""
    made = Machine(tmp_path)
    made.make_control_plane()
    return made


@pytest.fixture
def foreign(machine: Machine) -> Machine:
    """The same with flannel from upstream's manifest."""
    machine.cluster.objects[CLOUD] = yaml.safe_load(UPSTREAM)
    return machine


def set_up_network(machine: Machine, config: Config | None = None) -> None:
    """edgeadm's own flannel, as `edgeadm init` does it."""
    Run(INIT, machine.context(config), Recorded()).apply(INIT.select(("cni",)))


def spec(machine: Machine, key: tuple[str, str, str, str]) -> dict[str, Any]:
    found: dict[str, Any] = machine.cluster.objects[key]["spec"]["template"]["spec"]
    return found


def terms(machine: Machine) -> list[Any]:
    """Where the cluster's own flannel may run."""
    return list(terms_of(machine.cluster.objects[CLOUD]))


def programs(machine: Machine) -> list[str]:
    """What nodes that join are told of what runs on them."""
    data: dict[str, str] = machine.cluster.objects[INFO]["data"]
    return data.get("node-programs", "").split()


def test_the_flannel_of_edge_nodes_is_the_clusters_with_its_settings(foreign: Machine) -> None:
    assert run(foreign, only=("pod-network",)) == 1
    found = spec(foreign, OURS)
    (container,) = found["containers"]
    assert container["image"] == "example.org/mirrored/flannel:v0.27.0"
    maps = [each["configMap"]["name"] for each in found["volumes"] if "configMap" in each]
    assert maps == ["their-flannel-cfg"]
    assert found["nodeSelector"]["superedge.io/node-edge"] == "enable"
    assert "--subnet-file=/var/lib/flannel/subnet.env" in container["args"]
    assert run(foreign, only=("pod-network",)) == 0


def test_it_goes_by_the_cluster_when_that_changes(foreign: Machine) -> None:
    run(foreign, only=("pod-network",))
    spec(foreign, CLOUD)["containers"][1]["image"] = "example.org/mirrored/flannel:v0.28.0"
    assert run(foreign, only=("pod-network",)) == 1
    assert spec(foreign, OURS)["containers"][0]["image"].endswith(":v0.28.0")


def test_a_cluster_with_another_network_gets_none(machine: Machine) -> None:
    before = copy.deepcopy(machine.cluster.objects)
    verdict = EdgePodNetwork().check(context(machine))
    assert (verdict.needed, "there is no DaemonSet" in verdict.reason) == (False, True)
    EdgePodNetwork().apply(context(machine))
    assert machine.cluster.objects == before


def test_a_cluster_that_gave_up_flannel_loses_that_of_edge_nodes(foreign: Machine) -> None:
    run(foreign, only=("pod-network",))
    ours = [key for key in foreign.cluster.objects if "edge-flannel" in key[3]]
    assert len(ours) == 4
    del foreign.cluster.objects[CLOUD]
    assert EdgePodNetwork().check(context(foreign)).needed
    run(foreign, only=("pod-network",))
    assert [key for key in foreign.cluster.objects if "edge-flannel" in key[3]] == []
    assert not EdgePodNetwork().check(context(foreign)).needed


def test_a_foreign_flannel_is_kept_off_edge_nodes_and_let_back(foreign: Machine) -> None:
    foreign.cluster.foreign[CLOUD] = [".spec.template.spec.affinity.nodeAffinity"]
    before = copy.deepcopy(foreign.cluster.objects)
    run(foreign, only=PHASES)
    assert terms(foreign) == [{"matchExpressions": [*LINUX[0]["matchExpressions"], KEPT_OFF]}]
    assert "DaemonSet/kube-flannel/kube-flannel-ds" in str(CloudOnly().detached(context(foreign)))
    run(foreign, DETACH, only=PHASES)
    assert terms(foreign) == LINUX
    assert set(foreign.cluster.objects) == set(before)


def test_a_foreign_flannel_stays_where_edge_nodes_have_no_other(foreign: Machine) -> None:
    run(foreign, only=("cloud-only",))
    assert terms(foreign) == LINUX


def test_our_own_flannel_is_kept_off_edge_nodes_from_the_start(machine: Machine) -> None:
    set_up_network(machine)
    assert terms(machine) == OFF
    before = copy.deepcopy(machine.cluster.objects[CLOUD])
    run(machine, only=PHASES)
    assert spec(machine, OURS)["containers"][0]["image"] == spec(machine, CLOUD)["containers"][0]["image"]
    assert machine.cluster.objects[CLOUD] == before
    set_up_network(machine)
    assert machine.cluster.objects[CLOUD] == before


def test_our_own_flannel_is_touched_neither_by_the_addon_nor_by_detach(machine: Machine) -> None:
    set_up_network(machine)
    kept_off = copy.deepcopy(machine.cluster.objects[CLOUD])
    run(machine, only=PHASES)
    assert machine.cluster.objects[CLOUD] == kept_off
    assert "kube-flannel-ds" not in str(CloudOnly().detached(context(machine)))
    run(machine, DETACH, only=PHASES)
    assert machine.cluster.objects[CLOUD] == kept_off
    assert OURS not in machine.cluster.objects


def test_a_users_manifest_of_flannel_is_kept_off_edge_nodes_too(machine: Machine, tmp_path: Path) -> None:
    theirs = tmp_path / "kube-flannel.yml"
    theirs.write_text(UPSTREAM)
    set_up_network(machine, Config(cni=str(theirs)))
    kept_off = [{"matchExpressions": [*LINUX[0]["matchExpressions"], KEPT_OFF]}]
    assert terms(machine) == kept_off
    run(machine, only=PHASES)
    run(machine, DETACH, only=PHASES)
    assert terms(machine) == kept_off


def test_without_a_flannel_of_edge_nodes_the_clusters_runs_everywhere(machine: Machine) -> None:
    config = Config(skip_phases=("edge-apps/pod-network",))
    set_up_network(machine, config)
    assert terms(machine) == []
    run(machine, config=config, only=("namespace",))
    assert programs(machine) == ["kube-proxy"]


def test_without_edge_the_clusters_flannel_runs_everywhere(machine: Machine) -> None:
    set_up_network(machine, Config(enable_edge=False))
    assert terms(machine) == []


def test_nodes_that_join_are_told_which_programs_they_will_have(foreign: Machine) -> None:
    run(foreign, only=("namespace",))
    assert programs(foreign) == ["flannel", "kube-proxy"]
    run(foreign, config=Config(skip_phases=("kube-proxy",)), only=("namespace",))
    assert programs(foreign) == ["flannel"]
    del foreign.cluster.objects[CLOUD]
    del foreign.cluster.objects["apps/v1", "DaemonSet", "kube-system", "kube-proxy"]
    run(foreign, only=("namespace",))
    assert "node-programs" not in foreign.cluster.objects[INFO]["data"]


def test_without_edge_nothing_of_it_is_made(foreign: Machine) -> None:
    before = copy.deepcopy(foreign.cluster.objects)
    assert run(foreign, ADDON, Config(enable_edge=False), PHASES) == 0
    assert foreign.cluster.objects == before


def test_the_node_is_ready_only_after_flannel_runs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its CNI configuration the node is Ready and gets Pods. Without flannel's subnet each fails, and
    kubelet retries it seconds later."""
    seen: dict[str, bool] = {}
    wait = machine.cluster.wait

    def noted(awaited: Awaited) -> None:
        seen[awaited.kind] = CONFLIST in machine.host.files
        wait(awaited)

    monkeypatch.setattr(machine.cluster, "wait", noted)
    set_up_network(machine)
    assert (seen["DaemonSet"], seen["Node"], CONFLIST in machine.host.files) == (False, True, True)
