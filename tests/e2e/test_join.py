"""`edgeadm join` on bare machines: an edge node behind its lite-apiserver, and a plain worker."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from edgeadm.sandbox import Node, Sandbox
from tests.e2e.snapshot import changed, snapshot
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
KUBECONFIG = "/etc/kubernetes/admin.conf"
TOKEN = "abcdef.0123456789abcdef"
DONE = "This node has joined the cluster:\n* Certificate signing request was sent to apiserver"


@dataclass(frozen=True)
class Cluster:
    """A control plane, its edge node and its worker, and the package they are made of."""

    sandbox: Sandbox
    package: str
    pin: str
    bare: dict[str, dict[str, list[str]]]

    @property
    def cp1(self) -> Node:
        return self.sandbox.node("cp1")

    def kubectl(self, *args: str) -> str:
        return self.cp1.exec(["kubectl", "--kubeconfig", KUBECONFIG, *args]).out

    def join(self, name: str, *args: str, check: bool = True, **changed: str) -> Result:
        given = {"target": f"{self.cp1.ip}:6443", "token": TOKEN, "pin": self.pin} | changed
        words = ["--token", given["token"], "--discovery-token-ca-cert-hash", given["pin"]]
        command = ["edgeadm", "join", given["target"], *words, "--install-pkg-path", self.package, *args]
        return self.sandbox.node(name).exec(command, check=check)

    def condition(self, name: str) -> str:
        node = json.loads(self.kubectl("get", "node", name, "-o", "json"))
        return next(each["status"] for each in node["status"]["conditions"] if each["type"] == "Ready")


@pytest.fixture(scope="module")
def cluster(make_sandbox: Callable[..., Sandbox], package: Path) -> Cluster:
    sandbox = make_sandbox(control_planes=1, edges=1, workers=1, package=package)
    cp1 = sandbox.node("cp1")
    (inside,) = cp1.exec(["sh", "-c", "ls /mnt/package/*.tar.zst"]).out.split()
    range_ = ["--pod-network-cidr", "192.168.0.0/16"]
    init = cp1.exec(["edgeadm", "init", "--install-pkg-path", inside, "--token", TOKEN, *range_])
    found = re.search(r"sha256:[0-9a-f]{64}", init.out)
    assert found
    bare = {name: snapshot(sandbox.node(name)) for name in ("edge1", "worker1")}
    return Cluster(sandbox, inside, found[0], bare)


ERRORS = [
    ("a wrong hash", {"pin": "sha256:" + "0" * 64}, "wrong-ca-hash"),
    ("a token that nobody knows", {"token": "zzzzzz.0123456789abcdef"}, "token-unknown"),
    ("a token with a typing error", {"token": "abcdef.0123456789abcdee"}, "token-wrong"),
    ("a port where nothing listens", {"target": "10.77.0.11:6444"}, "connection-refused"),
    ("a name that nobody knows", {"target": "nowhere.invalid:6443"}, "address-unknown"),
]


@pytest.mark.parametrize(("name", "given", "code"), ERRORS, ids=[case[0] for case in ERRORS])
def test_what_stands_in_the_way_has_a_name_and_changes_nothing(
    name: str, given: dict[str, str], code: str, cluster: Cluster
) -> None:
    if given.get("target", "").startswith("10.77"):
        given = {"target": f"{cluster.cp1.ip}:6444"}
    node = cluster.sandbox.node("edge1")
    before = snapshot(node)
    ended = cluster.join("edge1", "-o", "json", check=False, **given)
    error = json.loads(ended.out)["error"]
    assert (error["code"], bool(error["hint"])) == (code, True)
    assert changed(before, node) == []


def test_an_edge_node_joins_through_its_lite_apiserver(cluster: Cluster) -> None:
    ended = cluster.join("edge1")
    assert ended.out.startswith(DONE)
    assert cluster.condition("edge1") == "True"
    root = cluster.sandbox.node("edge1").root
    assert "server: https://169.254.20.11:51003" in (root / "etc/kubernetes/kubelet.conf").read_text()
    assert (root / "etc/kubernetes/edge/lite-apiserver.key").stat().st_mode & 0o777 == 0o600
    assert (root / "data/lite-apiserver/cache").stat().st_mode & 0o777 == 0o700
    node = json.loads(cluster.kubectl("get", "node", "edge1", "-o", "json"))
    assert node["metadata"]["labels"]["superedge.io/node-edge"] == "enable"


def test_a_plain_worker_joins(cluster: Cluster) -> None:
    ended = cluster.join("worker1", "--enable-edge=false")
    assert ended.out.startswith(DONE)
    assert cluster.condition("worker1") == "True"
    conf = (cluster.sandbox.node("worker1").root / "etc/kubernetes/kubelet.conf").read_text()
    assert f"server: https://{cluster.cp1.ip}:6443" in conf


@pytest.mark.parametrize(("name", "more"), [("edge1", ()), ("worker1", ("--enable-edge=false",))])
def test_joining_again_says_so_and_changes_nothing(
    name: str, more: tuple[str, ...], cluster: Cluster
) -> None:
    journal = cluster.sandbox.node(name).root / "var/lib/edgeadm/journal.jsonl"
    before = journal.read_text()
    again = cluster.join(name, *more)
    assert "this node is in the cluster already: 0 changes" in again.err
    assert journal.read_text() == before


@pytest.mark.parametrize("name", ["edge1", "worker1"])
def test_the_token_stays_nowhere(name: str, cluster: Cluster) -> None:
    secret = TOKEN.partition(".")[2]
    found = cluster.sandbox.node(name).exec(
        ["grep", "-rlF", "--", secret, "/etc", "/var/lib/edgeadm", "/var/log/edgeadm", "/data"], check=False
    )
    assert found.out == ""


def test_a_cut_cable_and_restarts_leave_the_pods_running(cluster: Cluster) -> None:
    edge = cluster.sandbox.node("edge1")
    pods = "ps -eo pid,args | grep -E '[f]lanneld|[k]ube-proxy --'"
    until(lambda: len(edge.exec(["sh", "-c", pods], check=False).out.splitlines()) == 2, "both pods run")
    before = edge.exec(["sh", "-c", pods]).out
    edge.link(up=False)
    try:
        edge.exec(["systemctl", "restart", "containerd", "kubelet"])
        time.sleep(20)  # the length of the outage: nothing may happen in it
        assert edge.exec(["sh", "-c", pods]).out == before
    finally:
        edge.link(up=True)
    until(lambda: cluster.condition("edge1") == "True", "the node is Ready again")
    assert edge.exec(["sh", "-c", pods]).out == before


def test_nothing_was_forwarded_out_of_the_sandbox(cluster: Cluster) -> None:
    assert cluster.sandbox.forwarded_packets() == 0


@pytest.mark.parametrize("name", ["edge1", "worker1"])
def test_reset_takes_all_of_it_back(name: str, cluster: Cluster) -> None:
    """The last of this file: the node is what it was before it joined."""
    node = cluster.sandbox.node(name)
    ended = json.loads(node.exec(["edgeadm", "reset", "-f", "-o", "json"]).out)
    assert ended["verb"] == "reset"
    assert changed(cluster.bare[name], node) == []
    cluster.kubectl("delete", "node", name)
