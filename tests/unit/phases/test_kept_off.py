"""A flannel that was set up before there were edge nodes, on a cluster in memory."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from edgeadm.apps.affinity import KEPT_OFF, terms_of
from edgeadm.config import Config
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.phases.cni import PodNetwork
from edgeadm.phases.edge_apps.cloud_only import CloudOnly
from edgeadm.render import parse_objects
from edgeadm.workflows import ADDON, DETACH
from tests.machine import Machine
from tests.reports import Recorded

CLOUD = ("apps/v1", "DaemonSet", "kube-flannel", "kube-flannel-ds")
EDGE = ("apps/v1", "DaemonSet", "kube-flannel", "edge-flannel")
INFO = ("v1", "ConfigMap", "edge-system", "edge-info")
PHASES = ("namespace", "pod-network", "cloud-only")
LEFT_OUT = Config(skip_phases=("edge-apps/pod-network",))
CONDITION = [{"matchExpressions": [KEPT_OFF]}]
THEIRS = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
FOREIGN = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-flannel-ds, namespace: kube-flannel}
spec:
  template:
    spec:
      containers:
      - {name: other, image: example.org/other:v1}
      - {name: kube-flannel, image: example.org/their-flannel:v9}
      volumes:
      - {name: run, hostPath: {path: /run/flannel}}
      - {name: config, configMap: {name: their-settings}}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane that somebody made with kubeadm."""
    made = Machine(tmp_path)
    made.make_control_plane()
    return made


def add_foreign(machine: Machine) -> dict[str, Any]:
    """A flannel that edgeadm did not apply."""
    (found,) = parse_objects(FOREIGN, "flannel")
    machine.cluster.objects[CLOUD] = found
    return found


def add_ours(machine: Machine, config: Config | None = None) -> None:
    """flannel as `edgeadm init` sets it up."""
    ctx = machine.context(config)
    ctx.journal.verb, ctx.journal.phase = "init", "cni"
    PodNetwork().apply(ctx)


def context(machine: Machine, config: Config | None = None) -> Context:
    ctx = machine.context(config)
    ctx.journal.verb = ADDON.name
    return ctx


def run(machine: Machine, config: Config | None = None, workflow: Workflow = ADDON, *only: str) -> None:
    steps = [step for step in workflow.select(only or PHASES) if not _is_left_out(config, step.path)]
    Run(workflow, machine.context(config), Recorded()).apply(steps)


def _is_left_out(config: Config | None, path: str) -> bool:
    return config is not None and f"edge-apps/{path}" in config.skip_phases


def programs(machine: Machine) -> str | None:
    """What edge nodes are told that they run."""
    found: str | None = machine.cluster.objects[INFO]["data"].get("node-programs")
    return found


def terms(machine: Machine) -> list[Any]:
    return list(terms_of(machine.cluster.objects[CLOUD]))


@pytest.mark.parametrize("given", [Config(enable_edge=False), LEFT_OUT])
@pytest.mark.parametrize("theirs", [[], [THEIRS]])
def test_our_own_flannel_of_a_cluster_that_becomes_one_of_edge_nodes_gets_it_then(
    given: Config, theirs: list[Any], machine: Machine
) -> None:
    """The rest of it, which edgeadm applied as well, stays as it is."""
    add_ours(machine, given)
    assert terms(machine) == []
    pod = machine.cluster.objects[CLOUD]["spec"]["template"]["spec"]
    if theirs:
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": theirs}}
        pod["affinity"] = {"nodeAffinity": required}
    containers = copy.deepcopy(pod["containers"])
    run(machine)
    kept = [{"matchExpressions": [*THEIRS["matchExpressions"], KEPT_OFF]}] if theirs else CONDITION
    assert terms(machine) == kept
    assert machine.cluster.objects[CLOUD]["spec"]["template"]["spec"]["containers"] == containers
    assert not CloudOnly().check(context(machine)).needed
    assert "the affinity of DaemonSet/kube-flannel/kube-flannel-ds" in CloudOnly().detached(context(machine))
    run(machine, None, DETACH)
    assert terms(machine) == theirs
    assert machine.cluster.objects[CLOUD]["spec"]["template"]["spec"]["containers"] == containers
    assert not [each for each in CloudOnly().detached(context(machine)) if "flannel" in each]


def test_a_run_that_leaves_it_out_does_not_deny_the_one_that_is_there(machine: Machine) -> None:
    add_foreign(machine)
    run(machine)
    run(machine, LEFT_OUT)
    assert programs(machine) == "flannel kube-proxy"
