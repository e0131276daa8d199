"""Grids, the kube-proxy of edge nodes, and what keeps the cloud's off them, on a cluster in memory."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.apps.affinity import KEPT_OFF, kept_off, let_back
from edgeadm.apps.service_group import cluster_version
from edgeadm.cluster import Object
from edgeadm.config import Config
from edgeadm.config.model import AddonFlags
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.errors import EdgeadmError
from edgeadm.phases.edge_apps.cloud_only import CloudOnly
from edgeadm.phases.edge_apps.kube_proxy import KubeProxy
from edgeadm.workflows import ADDON, DETACH
from tests.machine import Machine
from tests.reports import Recorded

STRICT = Config(service_group="strict")
PROXY = ("apps/v1", "DaemonSet", "kube-system", "kube-proxy")
DNS = ("apps/v1", "Deployment", "kube-system", "coredns")
OURS = ("apps/v1", "DaemonSet", "edge-system", "edge-kube-proxy")
ZONES = ("apps/v1", "Deployment", "edge-system", "service-zones")
CONFIG = ("v1", "ConfigMap", "edge-system", "edge-kube-proxy")
PHASES = ("application-grid", "kube-proxy", "cloud-only")
THEIRS = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane that somebody made with kubeadm."""
    made = Machine(tmp_path)
    made.make_control_plane()
    return made


def run(machine: Machine, config: Config | None = None, only: tuple[str, ...] = PHASES) -> list[str]:
    """What was warned of."""
    said: list[str] = []
    ctx = context(machine, config, said)
    Run(ADDON, ctx, Recorded()).apply(ADDON.select(only))
    return said


def context(machine: Machine, config: Config | None = None, said: list[str] | None = None) -> Context:
    ctx = machine.context(config, warn=(said if said is not None else []).append)
    ctx.journal.verb = ADDON.name
    return ctx


def detach(machine: Machine, config: Config | None = None, only: tuple[str, ...] = PHASES) -> list[str]:
    said: list[str] = []
    ctx = machine.context(config, warn=said.append)
    Run(DETACH, ctx, Recorded()).apply(DETACH.select(only))
    return said


def containers(machine: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = machine.cluster.objects[OURS]["spec"]["template"]["spec"]["containers"]
    return found


def terms(machine: Machine, key: tuple[str, str, str, str]) -> Any:
    affinity = machine.cluster.objects[key]["spec"]["template"]["spec"].get("affinity") or {}
    required = (affinity.get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    return required.get("nodeSelectorTerms")


def give_terms(machine: Machine, found: list[dict[str, Any]]) -> None:
    """A user's own affinity on kube-proxy."""
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": found}}
    machine.cluster.objects[PROXY]["spec"]["template"]["spec"]["affinity"] = {"nodeAffinity": required}


def read_config(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(machine.cluster.objects[CONFIG]["data"]["config.conf"])
    return found


def test_the_kube_proxy_of_edge_nodes_is_the_clusters_but_for_its_way_to_the_api(machine: Machine) -> None:
    theirs = machine.cluster.objects["v1", "ConfigMap", "kube-system", "kube-proxy"]["data"]
    before = yaml.safe_load(theirs["config.conf"])
    theirs["config.conf"] = yaml.safe_dump(before | {"featureGates": {"Other": True}, "mode": "nftables"})
    run(machine)
    found = read_config(machine)
    assert found.pop("featureGates") == {"Other": True, "WatchListClient": False}
    assert found["clientConnection"].pop("kubeconfig") == ""
    before["clientConnection"].pop("kubeconfig")
    assert found == before | {"mode": "nftables"}
    assert [each["name"] for each in containers(machine)] == ["kube-proxy"]
    assert containers(machine)[0]["image"] == "registry.k8s.io/kube-proxy:v1.34.4"


@pytest.mark.parametrize(("version", "gates"), [("v1.29.6", None), ("v1.30.0", {"WatchListClient": False})])
def test_a_gate_that_kube_proxy_does_not_know_is_not_set(
    version: str, gates: object, machine: Machine
) -> None:
    kept(machine, version)
    run(machine)
    assert read_config(machine).get("featureGates") == gates


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, ("127.0.0.1", 10256)),
        ({"healthzBindAddress": ""}, ("127.0.0.1", 10256)),
        ({"healthzBindAddress": "0.0.0.0:10300"}, ("127.0.0.1", 10300)),
        ({"healthzBindAddress": "10.0.0.7"}, ("10.0.0.7", 10256)),
        ({"healthzBindAddress": "[::]:10300"}, ("::1", 10300)),
        ({"healthzBindAddress": "fd00::7"}, ("fd00::7", 10256)),
        ({"bindAddress": "::"}, ("::1", 10256)),
    ],
)
def test_kube_proxy_is_asked_for_its_health_where_it_listens(
    settings: dict[str, str], wanted: tuple[str, int], machine: Machine
) -> None:
    theirs = machine.cluster.objects["v1", "ConfigMap", "kube-system", "kube-proxy"]["data"]
    before = yaml.safe_load(theirs["config.conf"])
    before.pop("healthzBindAddress", None)
    theirs["config.conf"] = yaml.safe_dump(before | settings)
    run(machine)
    for probe in ("readinessProbe", "livenessProbe"):
        found = containers(machine)[0][probe]["httpGet"]
        assert (found["host"], found["port"]) == wanted


@pytest.mark.parametrize(("version", "path"), [("v1.27.16", "/healthz"), ("v1.28.0", "/livez")])
def test_kube_proxy_is_not_ended_because_its_node_takes_no_traffic(
    version: str, path: str, machine: Machine
) -> None:
    kept(machine, version)
    run(machine)
    assert containers(machine)[0]["livenessProbe"]["httpGet"]["path"] == path
    assert containers(machine)[0]["readinessProbe"]["httpGet"]["path"] == "/healthz"


def kept(machine: Machine, version: str) -> None:
    """What kubeadm keeps in the cluster."""
    machine.cluster.objects["v1", "ConfigMap", "kube-system", "kubeadm-config"] = {
        "metadata": {"name": "kubeadm-config", "namespace": "kube-system"},
        "data": {"ClusterConfiguration": f"kubernetesVersion: {version}"},
    }


def test_the_version_is_the_clusters_then_the_newest_kubelets(machine: Machine) -> None:
    machine.add_node("edge1", {})
    machine.cluster.objects["v1", "Node", "", "edge1"]["status"]["nodeInfo"]["kubeletVersion"] = "v1.36.1"
    assert cluster_version(context(machine)) == "v1.36.1"
    kept(machine, "v1.35.0")
    assert cluster_version(context(machine)) == "v1.35.0"


def test_other_settings_make_other_pods(machine: Machine) -> None:
    run(machine)
    first = machine.cluster.objects[OURS]["spec"]["template"]["metadata"]["annotations"]
    theirs = machine.cluster.objects["v1", "ConfigMap", "kube-system", "kube-proxy"]["data"]
    theirs["config.conf"] += "metricsBindAddress: 127.0.0.1:10249\n"
    run(machine)
    assert machine.cluster.objects[OURS]["spec"]["template"]["metadata"]["annotations"] != first


def test_a_cluster_without_kube_proxy_gets_none(machine: Machine) -> None:
    del machine.cluster.objects[PROXY]
    verdict = KubeProxy().check(context(machine))
    assert (verdict.needed, "none is installed" in verdict.reason) == (False, True)
    run(machine)
    assert OURS not in machine.cluster.objects
    assert terms(machine, DNS) == [{"matchExpressions": [KEPT_OFF]}]


def test_a_cluster_that_gave_up_kube_proxy_loses_that_of_edge_nodes(machine: Machine) -> None:
    run(machine)
    del machine.cluster.objects[PROXY]
    run(machine)
    assert [key for key in machine.cluster.objects if "edge-kube-proxy" in key[3]] == []


def test_strict_is_kube_proxy_behind_splitter_and_wrapper(machine: Machine) -> None:
    run(machine, STRICT)
    assert [each["name"] for each in containers(machine)] == [
        "kube-proxy",
        "application-grid-wrapper",
        "splitter",
    ]
    assert read_config(machine)["clientConnection"]["kubeconfig"] == "/var/lib/kube-proxy/kubeconfig.conf"
    kubeconfig = yaml.safe_load(machine.cluster.objects[CONFIG]["data"]["kubeconfig.conf"])
    address = kubeconfig["clusters"][0]["cluster"]["server"].removeprefix("http://")
    assert f"--listen={address}" in containers(machine)[2]["args"]
    assert ZONES not in machine.cluster.objects


def test_from_one_to_the_other_and_back_nothing_is_left(machine: Machine) -> None:
    run(machine)
    first = {key for key in machine.cluster.objects if "edge-system" in key or not key[2]}
    run(machine, STRICT)
    assert ("rbac.authorization.k8s.io/v1", "ClusterRole", "", "edgeadm-application-grid-wrapper") in (
        machine.cluster.objects
    )
    run(machine)
    assert {key for key in machine.cluster.objects if "edge-system" in key or not key[2]} == first


IMPOSSIBLE = {
    "ipvs": "`ipvs`",
    "no package": "only packages contain",
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_strict_is_refused_where_it_cannot_be(case: str, machine: Machine) -> None:
    if case == "ipvs":
        theirs = machine.cluster.objects["v1", "ConfigMap", "kube-system", "kube-proxy"]["data"]
        theirs["config.conf"] = theirs["config.conf"].replace('mode: ""', "mode: ipvs")
    else:
        machine.package = None
    with pytest.raises(EdgeadmError, match=IMPOSSIBLE[case]) as refused:
        run(machine, STRICT)
    assert refused.value.code == "no-strict-service-group"
    assert OURS not in machine.cluster.objects


def test_services_of_grids_get_the_preference_that_the_cluster_knows(machine: Machine) -> None:
    assert run(machine) == []
    args = machine.cluster.objects[ZONES]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args == ["zones", "--distribution=PreferSameZone"]


@pytest.mark.parametrize(("case", "why"), [("old", "v1.30.4 has no such"), ("no package", "no package")])
def test_without_a_preference_that_is_said(case: str, why: str, machine: Machine) -> None:
    if case == "old":
        kept(machine, "v1.30.4")
    else:
        machine.package = None
    (said,) = run(machine)
    assert why in said
    assert "strict" in said
    assert ZONES not in machine.cluster.objects


def test_a_run_without_the_package_keeps_what_one_with_it_made(machine: Machine) -> None:
    run(machine)
    machine.package = None
    assert run(machine) == []
    assert ZONES in machine.cluster.objects


def test_the_clouds_kube_proxy_and_dns_are_kept_off_edge_nodes_and_let_back(machine: Machine) -> None:
    before = copy.deepcopy({key: machine.cluster.objects[key]["spec"] for key in (PROXY, DNS)})
    run(machine)
    assert terms(machine, PROXY) == terms(machine, DNS) == [{"matchExpressions": [KEPT_OFF]}]
    assert "podAntiAffinity" in machine.cluster.objects[DNS]["spec"]["template"]["spec"]["affinity"]
    assert not CloudOnly().check(context(machine)).needed
    assert len(CloudOnly().detached(context(machine))) == 2
    detach(machine)
    assert {key: machine.cluster.objects[key]["spec"] for key in (PROXY, DNS)} == before
    assert CloudOnly().detached(context(machine)) == []


def test_a_users_terms_stay_each_with_the_condition(machine: Machine) -> None:
    machine.cluster.foreign[PROXY] = [".spec.template.spec.affinity.nodeAffinity"]
    give_terms(machine, [THEIRS, {"matchFields": [{"key": "metadata.name"}]}])
    run(machine)
    assert terms(machine, PROXY) == [
        {"matchExpressions": [*THEIRS["matchExpressions"], KEPT_OFF]},
        {"matchFields": [{"key": "metadata.name"}], "matchExpressions": [KEPT_OFF]},
    ]
    detach(machine)
    assert terms(machine, PROXY) == [THEIRS, {"matchFields": [{"key": "metadata.name"}]}]
    assert CloudOnly().detached(context(machine)) == []


def test_a_condition_of_the_users_own_is_not_taken_back(machine: Machine) -> None:
    give_terms(machine, [{"matchExpressions": [KEPT_OFF]}])
    run(machine)
    detach(machine)
    assert terms(machine, PROXY) == [{"matchExpressions": [KEPT_OFF]}]


def test_a_term_that_fits_no_node_goes_on_fitting_none() -> None:
    assert kept_off([{}, THEIRS])[0] == {}
    assert let_back(kept_off([{}, THEIRS])) == [{}, THEIRS]


def test_kube_proxy_stays_on_edge_nodes_that_have_no_other(machine: Machine) -> None:
    run(machine, only=("cloud-only",))
    assert (terms(machine, PROXY), terms(machine, DNS)) == (None, [{"matchExpressions": [KEPT_OFF]}])


def grid(machine: Machine) -> None:
    """A user's application on sites, and what the controller made of it."""
    cluster = machine.cluster.objects
    cluster["superedge.io/v1", "DeploymentGrid", "shop", "web"] = owned("web", ())
    for kind, name in (("Deployment", "web-site-a"), ("Deployment", "theirs")):
        owner = {"apiVersion": "superedge.io/v1", "kind": "DeploymentGrid", "name": "web"}
        cluster["apps/v1", kind, "shop", name] = owned(name, (owner,) if name != "theirs" else ())


def owned(name: str, owners: tuple[Object, ...]) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "ownerReferences": list(owners)}}


def test_detach_takes_the_kinds_back(machine: Machine) -> None:
    before = set(machine.cluster.objects)
    run(machine)
    assert ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "servicegrids.superedge.io") in (
        machine.cluster.objects
    )
    detach(machine)
    assert set(machine.cluster.objects) == before


@pytest.mark.parametrize("only", [PHASES, ("preflight",)])
def test_detach_refuses_while_there_are_grids_unless_forced(only: tuple[str, ...], machine: Machine) -> None:
    before = set(machine.cluster.objects)
    run(machine)
    grid(machine)
    with pytest.raises(EdgeadmError) as refused:
        detach(machine, only=only)
    assert (refused.value.code, "DeploymentGrid/shop/web" in refused.value.message) == ("grids-in-use", True)
    said = detach(machine, Config(addon=AddonFlags(force=True)))
    assert "DeploymentGrid/shop/web" in said[0]
    assert set(machine.cluster.objects) - before == {("apps/v1", "Deployment", "shop", "theirs")}


def test_without_edge_nothing_of_it_is_made(machine: Machine) -> None:
    before = copy.deepcopy(machine.cluster.objects)
    run(machine, Config(enable_edge=False))
    assert machine.cluster.objects == before
