"""An edge node of Kubernetes v1.36.3, whose clients watch lists in a way that lite-apiserver cannot keep: it
has to join all the same, and to go on from the cache. Building this package takes long, so `make e2e` leaves
this file out: `make e2e-136`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import yaml

from edgeadm.sandbox import Node, Sandbox
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
VERSION = "v1.36.3"
KUBECONFIG = "/etc/kubernetes/admin.conf"
TOKEN = "abcdef.0123456789abcdef"
IMAGE = "registry.k8s.io/coredns/coredns:"
POD = "web"


@dataclass(frozen=True)
class Cluster:
    """A control plane and an edge node that has joined it."""

    sandbox: Sandbox
    said: str

    @property
    def edge(self) -> Node:
        return self.sandbox.node("edge1")

    def kubectl(self, *args: str, stdin: bytes = b"") -> str:
        return self.sandbox.node("cp1").exec(["kubectl", "--kubeconfig", KUBECONFIG, *args], stdin=stdin).out

    def is_ready(self) -> bool:
        path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        return self.kubectl("get", "node", "edge1", "-o", path) == "True"


@pytest.fixture(scope="module")
def cluster(make_sandbox: Callable[..., Sandbox]) -> Cluster:
    from edgeadm.package.builder.build import cached_package

    sandbox = make_sandbox(control_planes=1, edges=1, package=cached_package(VERSION, say=print))
    cp1 = sandbox.node("cp1")
    (inside,) = cp1.exec(["sh", "-c", "ls /mnt/package/*.tar.zst"]).out.split()
    words = ["--install-pkg-path", inside, "--token", TOKEN]
    init = cp1.exec(["edgeadm", "init", *words, "--pod-network-cidr", "192.168.0.0/16"])
    pin = re.findall(r"sha256:[0-9a-f]{64}", init.out)[0]
    join = ["edgeadm", "join", f"{cp1.ip}:6443", *words, "--discovery-token-ca-cert-hash", pin]
    return Cluster(sandbox, sandbox.node("edge1").exec(join).out)


def test_it_joins_through_lite_apiserver(cluster: Cluster) -> None:
    assert cluster.said.startswith("This node has joined the cluster:")
    assert cluster.is_ready()
    assert (
        cluster.kubectl("get", "node", "edge1", "-o", "jsonpath={.status.nodeInfo.kubeletVersion}") == VERSION
    )
    root = cluster.edge.root
    assert "server: https://169.254.20.11:51003" in (root / "etc/kubernetes/kubelet.conf").read_text()


def test_its_kubelet_asks_for_lists_that_can_be_kept(cluster: Cluster) -> None:
    settings = yaml.safe_load(cluster.edge.read("/var/lib/kubelet/config.yaml"))
    assert settings["featureGates"]["WatchListClient"] is False
    until(lambda: bool(cached(cluster, "kubelet.*__pods___list$")), "the pods of the node are in the cache")
    until(lambda: bool(cached(cluster, "kubelet.*__nodes_edge1__list$")), "the node is in the cache")


def test_the_inotify_limits_are_those_of_an_edge_node(cluster: Cluster) -> None:
    found = cluster.edge.read("/proc/sys/fs/inotify/max_user_instances")
    assert int(found) >= 1024


def test_without_the_cable_and_after_a_restart_of_the_kubelet_a_container_that_ends_comes_back(
    cluster: Cluster,
) -> None:
    """The kubelet can only know of the pod from the cache: it has forgotten all, and there is no cluster."""
    images = cluster.edge.exec(["ctr", "-n", "k8s.io", "images", "ls", "-q"]).out.split()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD},
        "spec": {
            "nodeName": "edge1",
            "hostNetwork": True,
            "containers": [
                {
                    "name": POD,
                    "image": next(name for name in images if name.startswith(IMAGE)),
                    "command": ["/coredns", "-dns.port=10053"],
                }
            ],
        },
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(pod).encode())
    until(lambda: len(processes(cluster)) == 1, "the pod runs")
    until(lambda: is_listed(cluster, POD), "the pod is in the cache")
    (first,) = processes(cluster)
    cluster.edge.link(up=False)
    try:
        cluster.edge.exec(["systemctl", "restart", "kubelet"])
        assert processes(cluster) == [first]
        cluster.edge.exec(["kill", "-9", first])
        until(lambda: len(processes(cluster)) == 1 and processes(cluster) != [first], "it is started again")
    finally:
        cluster.edge.link(up=True)
    until(cluster.is_ready, "the node is Ready again")


def test_nothing_was_forwarded_out_of_the_sandbox(cluster: Cluster) -> None:
    assert cluster.sandbox.forwarded_packets() == 0


def cached(cluster: Cluster, pattern: str) -> list[str]:
    """The files of lite-apiserver's cache whose names fit."""
    names = cluster.edge.exec(["find", "/data/lite-apiserver/cache", "-type", "f"]).out.split()
    return [name for name in names if re.search(pattern, name)]


def is_listed(cluster: Cluster, pod: str) -> bool:
    """Whether the pod is in the list that lite-apiserver keeps for the kubelet."""
    (kept,) = cached(cluster, "kubelet.*__pods___list$")
    answer = json.loads(base64.b64decode(json.loads(cluster.edge.read(kept))["body"]))
    return pod in [each["metadata"]["name"] for each in answer["items"]]


def processes(cluster: Cluster) -> list[str]:
    return cluster.edge.exec(["pgrep", "-f", "dns.port=10053"], check=False).out.split()
