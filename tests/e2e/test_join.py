"""`edgeadm join` on bare hosts: an edge node with its lite-apiserver, and a plain worker."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable

import pytest
import yaml

from edgeadm.kubeadm import compat
from edgeadm.sandbox import Node, Sandbox
from tests.e2e.cluster import DONE, TOKEN, Cluster, cluster_of
from tests.e2e.release import KUBERNETES
from tests.e2e.snapshot import changed, snapshot
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
REPEATED = 20  # times: kubelet complains every five seconds until the pod network is there


@pytest.fixture(scope="module")
def cluster(begin: Callable[..., Sandbox]) -> Cluster:
    return cluster_of(begin(edges=1, workers=1))


@pytest.fixture(scope="module")
def bare(cluster: Cluster) -> dict[str, dict[str, list[str]]]:
    """Snapshots of the hosts before they join."""
    return {name: snapshot(cluster.node(name)) for name in ("edge1", "worker1")}


def test_an_edge_node_joins_through_its_lite_apiserver(
    cluster: Cluster, bare: dict[str, dict[str, list[str]]]
) -> None:
    ended = cluster.join("edge1")
    assert ended.out.startswith(DONE)
    assert cluster.condition("edge1") == "True"
    root = cluster.sandbox.node("edge1").root
    assert "server: https://169.254.20.11:51003" in (root / "etc/kubernetes/kubelet.conf").read_text()
    assert (root / "etc/kubernetes/edge/lite-apiserver.pem").stat().st_mode & 0o777 == 0o600
    assert (root / "data/lite-apiserver/cache").stat().st_mode & 0o777 == 0o700
    node = json.loads(cluster.kubectl("get", "node", "edge1", "-o", "json"))
    assert node["metadata"]["labels"]["superedge.io/node-edge"] == "enable"
    assert node["status"]["nodeInfo"]["kubeletVersion"] == KUBERNETES
    assert int(cluster.node("edge1").read("/proc/sys/fs/inotify/max_user_instances")) >= 1024


def test_its_kubelet_asks_for_lists_that_lite_apiserver_can_keep(cluster: Cluster) -> None:
    """Clients since 1.35 request lists as watches unless configured otherwise (WatchListClient)."""
    settings = yaml.safe_load(cluster.node("edge1").read("/var/lib/kubelet/config.yaml"))
    gates = settings.get("featureGates", {})
    assert gates.get("WatchListClient", True) is not compat.watches_lists(KUBERNETES)
    for name in ("pods___list", "nodes_edge1__list"):
        kept = ["sh", "-c", f"ls /data/lite-apiserver/cache/kubelet_*__{name}"]
        until(lambda kept=kept: cluster.node("edge1").exec(kept, check=False).code == 0, f"{name} is kept")


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


def serves(edge: Node, certificate: str) -> bool:
    """Whether lite-apiserver serves exactly this certificate, the only one that is trusted here."""
    edge.write("/run/trusted.pem", certificate)
    words = ["--server", "https://169.254.20.11:51003", "--certificate-authority", "/run/trusted.pem"]
    asked = edge.exec(["kubectl", *words, "--token", "none", "get", "--raw", "/healthz"], check=False)
    edge.exec(["rm", "/run/trusted.pem"])
    return "x509" not in asked.err


def test_the_node_renews_its_certificate_by_itself(cluster: Cluster) -> None:
    edge = cluster.sandbox.node("edge1")
    pair = edge.root / "etc/kubernetes/edge/lite-apiserver.pem"
    kubelet = ["systemctl", "show", "--property=MainPID,NRestarts", "kubelet"]
    old, running = pair.read_text(), edge.exec(kubelet).out
    assert edge.exec(["systemctl", "is-active", "edgeadm-certificate.timer"]).out == "active\n"
    edge.exec(["systemctl", "start", "edgeadm-certificate.service"])
    assert pair.read_text() == old  # nothing is due in the first months

    unit = edge.read("/etc/systemd/system/edgeadm-certificate.service").decode()
    command = unit.partition("ExecStart=")[2].partition("UMask")[0].replace("\\\n", " ").split()
    said = edge.exec([*command, "--before=9000h"]).err
    assert "renewing" in said
    new = pair.read_text()
    key, certificate = (part for part in new.split("-----BEGIN ") if part)
    assert key not in old
    assert pair.stat().st_mode & 0o777 == 0o600
    assert serves(edge, f"-----BEGIN {certificate}")
    assert not serves(edge, "-----BEGIN " + old.split("-----BEGIN ")[2])
    assert cluster.condition("edge1") == "True"
    assert edge.exec(kubelet).out == running

    line = key.splitlines()[1]
    assert line not in cluster.kubectl("get", "csr", "-o", "yaml")
    places = ["/etc", "/var/lib", "/var/log", "/data", "/run", "/tmp"]
    found = edge.exec(["grep", "-rlsF", "--", line, *places], check=False).out.split()
    assert found == ["/etc/kubernetes/edge/lite-apiserver.pem"]


@pytest.mark.parametrize("name", ["edge1", "worker1"])
def test_kubelet_does_not_repeat_an_error_every_second(name: str, cluster: Cluster) -> None:
    """A line that comes back every second wears out the storage of an edge node."""
    log = (
        cluster.sandbox.node(name).exec(["journalctl", "-b", "-u", "kubelet", "-o", "cat", "--no-pager"]).out
    )
    places = Counter(re.findall(r"^E\d+ [\d:.]+ +\d+ (\S+)\]", log, re.MULTILINE))
    assert [place for place, times in places.items() if times > REPEATED] == [], places


def test_a_cut_cable_and_restarts_leave_the_pods_running(cluster: Cluster) -> None:
    edge = cluster.sandbox.node("edge1")
    pods = "ps -eo pid,args | grep -E '[f]lanneld|[k]ube-proxy --'"
    until(lambda: len(edge.exec(["sh", "-c", pods], check=False).out.splitlines()) == 2, "both pods run")
    before = edge.exec(["sh", "-c", pods]).out
    edge.link(up=False)
    try:
        edge.exec(["systemctl", "restart", "containerd", "kubelet"])
        time.sleep(20)  # the length of the outage, in which nothing may change
        assert edge.exec(["sh", "-c", pods]).out == before
    finally:
        edge.link(up=True)
    until(lambda: cluster.condition("edge1") == "True", "the node is Ready again")
    assert edge.exec(["sh", "-c", pods]).out == before


def test_without_the_cable_and_after_a_restart_of_the_kubelet_a_container_that_ends_comes_back(
    cluster: Cluster,
) -> None:
    """The kubelet can only know its Pod from the cache: its state was deleted, and there is no cluster."""
    edge = cluster.sandbox.node("edge1")
    find = ["pgrep", "-f", "kube-proxy --"]
    (first,) = edge.exec(find).out.split()
    edge.link(up=False)
    try:
        edge.exec(["systemctl", "restart", "kubelet"])
        edge.exec(["kill", "-9", first])
        until(lambda: edge.exec(find, check=False).out.split() not in ([], [first]), "kube-proxy runs again")
    finally:
        edge.link(up=True)
    until(lambda: cluster.condition("edge1") == "True", "the node is Ready again")


def test_nothing_was_forwarded_out_of_the_sandbox(cluster: Cluster) -> None:
    assert cluster.sandbox.forwarded_packets() == 0


@pytest.mark.parametrize("name", ["edge1", "worker1"])
def test_reset_takes_all_of_it_back(
    name: str, cluster: Cluster, bare: dict[str, dict[str, list[str]]]
) -> None:
    """The last test of this file: the host is in its state before the join."""
    node = cluster.sandbox.node(name)
    ended = json.loads(node.exec(["edgeadm", "reset", "-f", "-o", "json"]).out)
    assert ended["verb"] == "reset"
    assert changed(bare[name], node) == []
    cluster.kubectl("delete", "node", name)
