"""NodeTasks, Clusters of TKE, and files of other tools."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.config.errors import ConfigSyntaxError
from edgeadm.config.load import load
from edgeadm.config.secret import Secret, unmarked
from edgeadm.config.validate import validate
from edgeadm.errors import ConfigError
from edgeadm.fleet.apply import fitted, patches
from edgeadm.fleet.configuration import documents
from edgeadm.fleet.documents import Options, load_fleet
from edgeadm.fleet.documents.errors import CredentialError, ProxyNodeError, UnsupportedDocumentError
from edgeadm.fleet.documents.importing import imported
from edgeadm.fleet.documents.load import fleet_from
from edgeadm.fleet.documents.node_task import with_secret
from edgeadm.fleet.model import Fleet, Role
from edgeadm.fleet.work import Ticket
from edgeadm.package.manifest import Manifest

EXAMPLES = Path(__file__).parents[4] / "docs/examples"
OPTIONS = Options(environ={"HOME": "/nonexistent"})


def task(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "nodetask.apps.superedge.io/v1beta1",
        "kind": "NodeTask",
        "metadata": {"name": "nodes", "uid": "1", "managedFields": [], "resourceVersion": "7"},
        "spec": {"sshCredential": "login-secret", **spec},
        "status": {"nodetaskStatus": "creating"},
    }


def loaded(document: Any, options: Options = OPTIONS) -> Fleet:
    every = document if isinstance(document, list) else [document]
    return fleet_from(every, options, source="test", folder=Path("/"))


def test_a_task_adds_machines_with_names_that_a_second_run_finds() -> None:
    spec = {"nodeNamePrefix": "edge", "targetMachines": ["172.21.3.194", "172.21.3.195"], "sshPort": 2222}
    one, two = loaded(task(**spec)), loaded(task(**{**spec, "targetMachines": ["172.21.3.195"]}))
    names = [each.name for each in one.machines]
    assert len(set(names)) == 2
    assert all(len(each) == 11 and each.startswith("edge-") for each in names)
    assert names[1] == two.machines[0].name
    assert one.mark == two.mark
    assert one.mark is not None
    assert one.mark[0] == "app.superedge.io/node-label"
    assert one.machines[0].target.place == "root@172.21.3.194:2222"
    assert not one.machines[0].reinstall
    assert one.secret is not None
    assert (one.secret.name, one.secret.namespace) == ("login-secret", "edge-system")


def test_a_task_reinstalls_machines_once_for_each_document() -> None:
    one = loaded(task(nodeNamesOverride={"edge-1mokvl": "172.21.3.194"}))
    two = loaded(task(nodeNamesOverride={"edge-1mokvl": "172.21.3.195"}))
    assert [(each.name, each.address, each.reinstall) for each in one.machines] == [
        ("edge-1mokvl", "172.21.3.194", True)
    ]
    assert one.mark != two.mark


def test_a_proxy_node_needs_the_controller_or_a_jump_host() -> None:
    document = task(nodeNamePrefix="edge", targetMachines=["172.21.3.194"], proxyNode="vm-2")
    with pytest.raises(ProxyNodeError) as caught:
        loaded(document)
    assert "edgeadm addon fleet" in caught.value.hint
    by_jump = loaded(document, Options(environ={}, via="root@198.51.100.1:2222"))
    assert [each.place for each in by_jump.machines[0].target.jumps] == ["root@198.51.100.1:2222"]
    with pytest.raises(ConfigError, match="is not of the form USER@HOST:PORT"):
        loaded(document, Options(environ={}, via="-oProxyCommand=id"))
    assert loaded(document, Options(environ={}, proxied=True)).proxy_node == "vm-2"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"


@pytest.mark.parametrize(
    ("data", "password", "keys"),
    [
        ({"passwd": encoded("hunter2\n")}, "hunter2", ()),
        ({"sshkey": encoded(KEY)}, None, (KEY,)),
        ({"sshkey": encoded(KEY), "passwd": encoded("x")}, None, (KEY,)),
    ],
)
def test_the_secret_of_a_task_is_the_login(
    data: dict[str, str], password: str | None, keys: tuple[str, ...]
) -> None:
    fleet = with_secret(loaded(task(nodeNamePrefix="edge", targetMachines=["10.0.0.1"])), data)
    login = fleet.machines[0].target.login
    assert (login.password, login.key_texts, login.agent) == (password, keys, False)
    assert "hunter2" not in repr(fleet)


@pytest.mark.parametrize(
    "data", [{}, {"sshkey": encoded("no key")}, {"passwd": "%%%"}, {"other": encoded("x")}]
)
def test_a_secret_without_a_login_is_an_error(data: dict[str, str]) -> None:
    with pytest.raises(CredentialError):
        with_secret(loaded(task(nodeNamePrefix="edge", targetMachines=["10.0.0.1"])), data)


def cluster(**changes: Any) -> list[Any]:
    documents = list(yaml.safe_load_all((EXAMPLES / "superedge_edge.yaml").read_text(encoding="utf-8")))
    documents[0]["spec"] |= changes
    return documents


def test_the_document_of_tke_is_mapped_or_named_key_by_key() -> None:
    fleet = load_fleet(str(EXAMPLES / "superedge_edge.yaml"), OPTIONS)
    first, by_object, _ = fleet.machines
    assert [(each.name, each.role) for each in fleet.machines] == [
        ("attlee-superedge-10-0-200-98", Role.CONTROL_PLANE),
        ("edge-1", Role.EDGE),
        ("edge-2", Role.EDGE),
    ]
    assert (str(first.target.login.password), by_object.address) == ("Password", "10.0.200.99")
    assert first.settings == {
        "podNetworkCidr": "192.168.0.0/16",
        "serviceCidr": "10.96.0.0/24",
        "apiserverCertExtraSans": ["203.0.113.103"],
        "edgeImageRepository": "superedge.tencentcloudcr.com/superedge",
        "edgeVersion": "v0.8.0",
    }
    assert fleet.settings == {"edgeVirtualAddr": "169.254.20.11"}
    assert list(fleet.kubeadm_documents) == [
        {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 256},
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "etcd": {"local": {"serverCertSANs": ["etcd", "etcd.kube-system"]}},
        },
    ]
    assert fleet.cluster.endpoint == "10.0.200.98:6443"
    assert (fleet.version, list(fleet.packages)) == ("", ["amd64"])
    warned = " ".join(fleet.warnings)
    for key in (
        "displayName",
        "tenantID",
        "containerRuntime",
        "skipConditions[0]",
        "networkDevice",
        "version",
    ):
        assert f"spec.{key}" in warned or f"spec.features.{key}" in warned, key


def test_sizes_and_several_control_planes() -> None:
    fleet = loaded(
        cluster(
            machines=[{"ip": "10.96.0.5"}, {"ip": "10.0.0.2"}],
            properties={"maxNodePodNum": 64, "maxClusterServiceNum": 1024},
            features={"ha": {"tke": {"vip": "10.0.0.9"}}, "skipConditions": ["EnsureApplyEdgeApps"]},
            clusterCIDR="172.20.0.0/16",
        )
    )
    settings = fleet.machines[0].settings
    assert settings["serviceCidr"] == "192.168.0.0/22"
    assert (settings["controlPlaneEndpoint"], settings["defaultHa"]) == ("10.0.0.9:6443", "kube-vip")
    assert (settings["interface"], settings["skipPhases"]) == ("eth0", ["edge-apps"])
    documents = {str(each["kind"]): each for each in fleet.kubeadm_documents}
    manager: Any = documents["ClusterConfiguration"]["controllerManager"]
    assert manager["extraArgs"] == [{"name": "node-cidr-mask-size", "value": "26"}]
    assert fleet.cluster.endpoint == "10.0.0.9:6443"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"serviceCIDR": "10.96.0.0/16"}, "excludes properties.maxClusterServiceNum"),
        ({"clusterCIDR": "192.168.0.0/24"}, "no room for two nodes"),
        ({"clusterCIDR": "fd00::/48"}, "is for IPv4"),
        ({"type": "Baremetal"}, "is not one of Edge"),
        ({"etcd": {"external": {}}}, "edgeadm runs etcd"),
        ({"kubeletExtraArgs": {"v": "1"}}, "KubeletConfiguration"),
    ],
)
def test_what_a_cluster_cannot_be_is_an_error(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(cluster(**changes))
    assert words in caught.value.message + caught.value.context


def manifest(kubernetes: str) -> Manifest:
    return Manifest(1, "0.1.0", kubernetes, "amd64", (), components={"superedge": "v0.9.0"})


def test_versions_are_those_of_the_package_or_an_error() -> None:
    fleet = fitted(loaded(cluster()), {"amd64": manifest("v1.37.2")})
    assert fleet.machines[0].settings["edgeVersion"] == "v0.9.0"
    assert any("v0.8.0" in each for each in fleet.warnings)
    wanted = loaded(cluster(version="1.36.1-tke.1"))
    assert wanted.version == "v1.36.1"
    with pytest.raises(UnsupportedDocumentError, match=r"the document wants Kubernetes v1\.36\.1"):
        fitted(wanted, {"amd64": manifest("v1.37.2")})
    assert fitted(wanted, {"amd64": manifest("v1.36.1")}).version == "v1.36.1"


@pytest.mark.parametrize("verb", ["init", "join"])
def test_edgeadm_on_the_machine_reads_the_configuration_of_a_control_plane(verb: str, tmp_path: Path) -> None:
    fleet = fitted(loaded(cluster()), {"amd64": manifest("v1.37.2")})
    ticket = Ticket(
        "10.0.0.1:6443", "sha256:" + "a" * 64, Secret("abcdef.0123456789abcdef"), Secret("b" * 64)
    )
    first = Ticket("", "", Secret(""))
    written = documents(fleet, fleet.machines[0], first if verb == "init" else ticket, "/package.tar.zst")
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump_all([unmarked(each) for each in written]))
    config = replace(load(str(file), {}), verb=verb)
    validate(config, verb)
    assert config.kubeadm.service_cidr == "10.96.0.0/24"
    assert bool(config.document("KubeletConfiguration")) == (verb == "init")
    assert config.join.control_plane == (verb == "join")


def test_labels_and_taints_of_live_nodes_follow_the_document() -> None:
    taints = [{"key": "a", "value": "b", "effect": "NoSchedule"}]
    fleet = loaded(cluster(machines=[{"ip": "10.0.0.1", "labels": {"shop": "north"}, "taints": taints}]))
    name = fleet.machines[0].name
    there = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    node: dict[str, Any] = {"metadata": {"name": name, "labels": {"x": "y"}}, "spec": {"taints": [there]}}
    assert patches(fleet, [node]) == [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"shop": "north"}},
            "spec": {"taints": [there, *taints]},
        }
    ]
    node["metadata"]["labels"]["shop"] = "north"
    node["spec"]["taints"] += taints
    assert patches(fleet, [node]) == []


INI = """
bastion ansible_connection=local
[web]
web[01:03].example.com
10.0.0.9 ansible_port=2222 ansible_user=admin
[db]
Db_One ansible_host=10.0.0.5 ansible_ssh_private_key_file=~/.ssh/db ansible_password=canary "x=a b"
[shops:children]
web
db
[shops:vars]
ansible_user=deploy
ansible_become=true
ansible_ssh_common_args='-o ProxyJump=jump@198.51.100.20'
"""


def fleet_of(text: str, tmp_path: Path) -> Fleet:
    file = tmp_path / "imported.yaml"
    file.write_text(imported(text, "inventory").text())
    return load_fleet(str(file), Options(environ={"HOME": str(tmp_path)}))


def test_an_inventory_in_ini(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/db").touch(mode=0o600)
    fleet = fleet_of(INI, tmp_path)
    machines = {each.name: each for each in fleet.machines}
    assert list(machines) == [
        "web01.example.com",
        "web02.example.com",
        "web03.example.com",
        "node-10-0-0-9",
        "db-one",
    ]
    assert machines["db-one"].target.place == "deploy@10.0.0.5"
    assert machines["db-one"].groups == ("shops", "db")
    assert machines["node-10-0-0-9"].target.place == "admin@10.0.0.9:2222"
    assert all(each.target.jumps[0].place == "jump@198.51.100.20" for each in fleet.machines)
    result = imported(INI, "inventory")
    assert "canary" not in result.text()
    assert any("passwords are not copied" in each for each in result.notes)
    assert any(each.startswith("bastion: is not reached by SSH") for each in result.notes)


def test_an_inventory_in_yaml(tmp_path: Path) -> None:
    text = """
all:
  vars: {ansible_user: deploy, ansible_port: "{{ port }}"}
  children:
    north:
      children: {tills: {hosts: {"till-[1:2]": {ansible_user: till}}}}
    ungrouped: {hosts: {other.example: }}
"""
    fleet = fleet_of(text, tmp_path)
    assert [(each.name, each.groups, each.target.place) for each in fleet.machines] == [
        ("till-1", ("north", "tills"), "till@till-1"),
        ("till-2", ("north", "tills"), "till@till-2"),
        ("other.example", (), "deploy@other.example"),
    ]
    assert any("expressions are not evaluated" in each for each in imported(text, "x").notes)


def test_a_file_of_k0sctl(tmp_path: Path) -> None:
    text = """
apiVersion: k0sctl.k0sproject.io/v1beta1
kind: Cluster
metadata: {name: k0s}
spec:
  hosts:
  - role: controller
    ssh: {address: 10.0.0.1, user: root, port: 2222, bastion: {address: 10.0.0.254, user: jump}}
  - {role: worker, hostname: w1, privateAddress: 10.1.0.2, hooks: {}, ssh: {address: 10.0.0.2}}
  k0s: {version: 1.2.3}
"""
    fleet = fleet_of(text, tmp_path)
    assert [(each.name, each.role.value, each.target.place) for each in fleet.machines] == [
        ("node-10-0-0-1", "control-plane", "root@10.0.0.1:2222"),
        ("w1", "worker", "root@10.0.0.2"),
    ]
    assert [each.place for each in fleet.machines[0].target.jumps] == ["jump@10.0.0.254"]
    assert fleet.machines[1].settings == {"nodeIp": "10.1.0.2"}
    assert [each.partition(":")[0] for each in imported(text, "x").notes] == [
        "spec.k0s",
        "spec.hosts[1].hooks",
    ]


@pytest.mark.parametrize(
    "text", ["", "[a:b]\nx\n", "[a]\nx 'y\n", "[a]\nx y\n", "- a\n", "a: {hosts: 1}\n", "a: {x: 1}\n"]
)
def test_what_is_not_an_inventory_is_an_error(text: str) -> None:
    with pytest.raises(ConfigSyntaxError):
        imported(text, "inventory").text()


def test_a_hostile_inventory_stays_data(tmp_path: Path) -> None:
    result = imported(
        "[a]\n'x;id' ansible_host=10.0.0.1 ansible_user='root -oProxyCommand=id'\n", "inventory"
    )
    with pytest.raises(ConfigError, match="is not the name of a user"):
        result.text()
    huge = "[a]\n" + "x[1:99999][1:99999]\n"
    with pytest.raises(ConfigError):
        imported(huge, "inventory").text()
