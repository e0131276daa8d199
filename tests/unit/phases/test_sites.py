"""Sites on a cluster in memory: units of nodes, votes on who is alive, DNS at the edge."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm import pki
from edgeadm.config import Config
from edgeadm.config.model import AddonFlags
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Result
from edgeadm.node.join_files import join_config, patches
from edgeadm.node.lite_files import LOCAL
from edgeadm.phases.edge_apps.edge_health import EdgeHealth
from edgeadm.workflows import ADDON, DETACH, INIT, JOIN
from tests.machine import Machine
from tests.reports import Recorded
from tests.wishes import asked, machine_for

EDGE = {"superedge.io/node-edge": "enable"}
UNITS = ("site.superedge.io/v1alpha2", "NodeUnit")
DNS = ("v1", "ConfigMap", "edge-system", "edge-dns")
IMAGE = "registry.k8s.io/coredns/coredns:"
BEFORE = ("namespace", "certificates")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane that somebody made with kubeadm, and its DNS."""
    made = Machine(tmp_path)
    made.make_control_plane()
    run_coredns(made, "v1.12.1")
    return made


def run_coredns(machine: Machine, version: str) -> None:
    container = {"name": "coredns", "image": IMAGE + version}
    machine.cluster.objects["apps/v1", "Deployment", "kube-system", "coredns"] = {
        "metadata": {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def run(
    machine: Machine, *only: str, config: Config | None = None, workflow: Workflow = ADDON
) -> tuple[int, list[str]]:
    said: list[str] = []
    ctx = machine.context(config, say=said.append, warn=said.append)
    ctx.journal.verb = workflow.name
    return Run(workflow, ctx, Recorded()).apply(workflow.select(only)), said


def add_unit(machine: Machine, name: str, **set_node: Any) -> None:
    machine.cluster.objects[*UNITS, "", name] = {
        "apiVersion": UNITS[0],
        "kind": UNITS[1],
        "metadata": {"name": name, "finalizers": ["site.superedge.io/nodeunit"]},
        "spec": {"setNode": {"labels": {name: "nodeunits.superedge.io"}} | set_node},
    }


def test_the_definitions_conversion_has_its_certificate_and_the_clusters_domain(machine: Machine) -> None:
    run(machine, *BEFORE, "site-manager")
    deployment = machine.cluster.objects["apps/v1", "Deployment", "edge-system", "site-manager"]
    env = {each["name"]: each["value"] for each in container_of(deployment)["env"]}
    assert env["CONVERT_WEBHOOK_SERVER"] == "https://site-manager.edge-system.svc.cluster.local:9000/v1"
    assert pki.decoded(env["CA_CRT"]) == machine.host.files["/etc/kubernetes/pki/ca.crt"]
    secret = machine.cluster.objects["v1", "Secret", "edge-system", "site-manager-cert"]["data"]
    assert set(secret) == {"webhook_server.crt", "webhook_server.key"}


def container_of(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]["containers"][0]
    return found


def test_detach_takes_the_definitions_back_and_what_units_gave_to_nodes(machine: Machine) -> None:
    theirs = {"topology.kubernetes.io/region": "south", "zone1": "their own"}
    machine.add_node("worker1", dict(theirs))
    before = copy.deepcopy(machine.cluster.objects)
    run(machine)
    add_unit(
        machine,
        "unit-node-all",
        annotations={"note": "a"},
        taints=[{"key": "slow", "effect": "NoExecute"}],
    )
    machine.cluster.objects[*UNITS, "", "unit-node-all"]["spec"]["setNode"]["labels"]["zone1"] = "north"
    node = machine.cluster.objects["v1", "Node", "", "worker1"]
    node["metadata"]["labels"] |= {"unit-node-all": "nodeunits.superedge.io", "zone1": "north"}
    node["metadata"]["labels"]["of-a-unit-that-went"] = "nodeunits.superedge.io"
    node["metadata"]["annotations"] = {"note": "a", "other": "b"}
    kept = {"key": "wet", "effect": "NoSchedule"}
    node["spec"] = {"taints": [{"key": "slow", "effect": "NoExecute"}, kept]}
    run(machine, workflow=DETACH)
    node = machine.cluster.objects["v1", "Node", "", "worker1"]
    assert node["metadata"]["labels"] == {"topology.kubernetes.io/region": "south"}
    assert node["metadata"]["annotations"] == {"other": "b"}
    assert node["spec"]["taints"] == [kept]
    left = {key for key in machine.cluster.objects if key not in before}
    assert left == {(*UNITS, "", "unit-node-all")}  # a real API server takes it along with its definition
    assert "finalizers" not in machine.cluster.objects[*UNITS, "", "unit-node-all"]["metadata"]


def test_detach_refuses_while_users_have_units_unless_forced(machine: Machine) -> None:
    run(machine)
    add_unit(machine, "unit-node-all")
    add_unit(machine, "site-north")
    with pytest.raises(EdgeadmError) as refused:
        run(machine, workflow=DETACH)
    assert refused.value.code == "sites"
    assert "NodeUnit/site-north" in refused.value.message
    assert "unit-node-all" not in refused.value.message
    _, said = run(machine, workflow=DETACH, config=Config(addon=AddonFlags(force=True)))
    assert any("NodeUnit/site-north" in line for line in said)
    assert ("apps/v1", "Deployment", "edge-system", "site-manager") not in machine.cluster.objects


def test_the_key_of_the_voters_is_random_and_stays(machine: Machine) -> None:
    run(machine, *BEFORE, "edge-health")
    first = machine.cluster.objects["v1", "ConfigMap", "edge-system", "hmac-config"]
    assert first["metadata"]["labels"]["name"] == "edge-health"
    key = first["data"]["hmackey"]
    assert len(key) == 32
    assert run(machine, "edge-health")[0] == 0
    again = machine.cluster.objects["v1", "ConfigMap", "edge-system", "hmac-config"]
    assert again["data"]["hmackey"] == key


def test_the_key_is_nowhere_else(machine: Machine) -> None:
    _, said = run(machine, *BEFORE, "edge-health")
    key = machine.cluster.objects["v1", "ConfigMap", "edge-system", "hmac-config"]["data"]["hmackey"]
    others = [obj for name, obj in machine.cluster.objects.items() if name[3] != "hmac-config"]
    files = b"".join(machine.host.files.values()).decode(errors="replace")
    assert not [text for text in (str(others), str(said), files) if key in text]


@pytest.mark.parametrize(
    ("edges", "voters", "warned"),
    [(0, "all", False), (1, "all", True), (2, "all", False), (2, "edge", True), (3, "edge", False)],
)
def test_too_few_voters_are_told(edges: int, voters: str, warned: bool, machine: Machine) -> None:
    for number in range(edges):
        machine.add_node(f"edge{number}", EDGE)
    config = Config(edge_health_voters=voters)
    run(machine, *BEFORE, config=config)
    warnings: list[str] = []
    ctx = machine.context(config, warn=warnings.append)
    EdgeHealth().apply(ctx)
    assert bool(warnings) == warned
    assert not warnings or f"{edges} edge nodes" in warnings[0]


def test_the_cloud_has_one_vote_or_none(machine: Machine) -> None:
    cloud = ("apps/v1", "Deployment", "edge-system", "edge-health-cloud")
    run(machine, *BEFORE, "edge-health")
    assert machine.cluster.objects[cloud]["spec"]["replicas"] == 1
    run(machine, "edge-health", config=Config(edge_health_voters="edge"))
    assert cloud not in machine.cluster.objects


def test_detach_takes_votes_off_the_nodes(machine: Machine) -> None:
    run(machine)
    node = machine.cluster.objects["v1", "Node", "", "cp1"]
    node["metadata"]["annotations"] = {"nodeunhealth": "yes", "other": "kept"}
    run(machine, workflow=DETACH)
    left = machine.cluster.objects["v1", "Node", "", "cp1"]["metadata"]["annotations"]
    assert left == {"other": "kept"}


def corefile(machine: Machine) -> str:
    text: str = machine.cluster.objects[DNS]["data"]["Corefile"]
    return text


@pytest.mark.parametrize(("version", "fast"), [("v1.12.1", True), ("v1.11.3", False), ("latest", False)])
def test_edge_dns_is_the_clusters_coredns(version: str, fast: bool, machine: Machine) -> None:
    run_coredns(machine, version)
    run(machine, "namespace", "edge-dns")
    daemons = machine.cluster.objects["apps/v1", "DaemonSet", "edge-system", "edge-coredns"]
    assert container_of(daemons)["image"] == IMAGE + version
    assert ("failfast_all_unhealthy_upstreams" in corefile(machine)) == fast
    assert "bind 169.254.20.11" in corefile(machine)
    assert f"kubeconfig {LOCAL}" in corefile(machine)


def test_without_coredns_edge_nodes_ask_the_clusters_dns(machine: Machine) -> None:
    del machine.cluster.objects["apps/v1", "Deployment", "kube-system", "coredns"]
    machine.package = None
    assert Run(INIT, machine.context(), Recorded()).apply(INIT.select(["edge-apps/edge-dns"])) == 0
    assert DNS not in machine.cluster.objects


def joined(tmp_path: Path, *, edge_dns: bool) -> tuple[Machine, Context]:
    machine = machine_for(JOIN, tmp_path)
    if edge_dns:
        machine.api["/api/v1/namespaces/edge-system/configmaps/edge-dns"] = {"data": {}}
    ctx = machine.context(asked(JOIN))
    Run(JOIN, ctx, Recorded()).apply(JOIN.select())
    return machine, ctx


@pytest.mark.parametrize("edge_dns", [True, False])
def test_pods_of_an_edge_node_ask_the_nodes_dns_where_there_is_one(edge_dns: bool, tmp_path: Path) -> None:
    _, ctx = joined(tmp_path, edge_dns=edge_dns)
    (found,) = (yaml.safe_load(text) for text in patches(ctx).values())
    assert found.get("clusterDNS") == (["169.254.20.11"] if edge_dns else None)


def test_a_node_that_may_be_cut_off_gives_up_no_pod_before_its_images(tmp_path: Path) -> None:
    _, ctx = joined(tmp_path, edge_dns=True)
    (found,) = (yaml.safe_load(text) for text in patches(ctx).values())
    # The kubelet begins to remove images at 85 %. A signal that is not named would not be watched at all.
    assert found["evictionHard"]["imagefs.available"] == found["evictionHard"]["nodefs.available"] == "5%"
    assert len(found["evictionHard"]) == 5


def test_a_kubelet_whose_settings_are_not_patched_is_told_by_an_argument(tmp_path: Path) -> None:
    machine, ctx = joined(tmp_path, edge_dns=True)
    assert machine.package is not None
    manifest = replace(machine.package.manifest, kubernetes="v1.24.17")
    ctx = replace(ctx, package=replace(machine.package, manifest=manifest))
    registration = yaml.safe_load(join_config(ctx))["nodeRegistration"]
    assert registration["kubeletExtraArgs"]["cluster-dns"] == "169.254.20.11"
    assert patches(ctx) == {}


@pytest.mark.parametrize(("hierarchy", "told"), [("tmpfs", False), ("cgroup2fs", None)])
def test_a_kubelet_on_cgroup_v1_is_told_so_whatever_the_cluster_says(
    hierarchy: str, told: bool | None, tmp_path: Path
) -> None:
    machine, ctx = joined(tmp_path, edge_dns=False)
    assert machine.package is not None
    manifest = replace(machine.package.manifest, kubernetes="v1.37.2")
    ctx = replace(ctx, package=replace(machine.package, manifest=manifest))
    machine.host.answers["stat -f -c %T /sys/fs/cgroup"] = Result(out=f"{hierarchy}\n")
    (found,) = (yaml.safe_load(text) for text in patches(ctx).values())
    assert found.get("failCgroupV1") is told


def test_a_node_says_where_its_api_server_is_without_credentials(tmp_path: Path) -> None:
    machine, _ = joined(tmp_path, edge_dns=True)
    found = yaml.safe_load(machine.host.files[LOCAL])
    assert found["clusters"][0]["cluster"]["server"] == "https://169.254.20.11:51003"
    assert set(found["users"][0]["user"]) == {"tokenFile"}
