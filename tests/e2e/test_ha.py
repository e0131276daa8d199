"""Three control planes with a virtual IP: failover, an edge node that joins meanwhile, an interrupted join,
and the removal of each one while etcd stays healthy."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from edgeadm.hosts.process import execute
from edgeadm.sandbox import Node, Sandbox, names
from tests.e2e.cluster import ADMIN, KUBECONFIG, KUBECTL
from tests.e2e.killing import kill_at
from tests.e2e.snapshot import OF_A_BOOT, changed, snapshot
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
TOKEN = "abcdef.0123456789abcdef"
KEY = "5" * 64
# Run in a node's network, with the files of its peer certificate.
MEMBERS = """
import http.client, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
context.load_cert_chain(*sys.argv[3:])
peer = http.client.HTTPSConnection(sys.argv[1], 2380, context=context, timeout=20)
peer.request("GET", "/members")
print(peer.getresponse().read().decode())
"""
EVERY = ["cp1", "cp2", "cp3"]
NAMES = ("cp1", "cp2", "cp3", "edge1", "edge2")
UNITS = ("edgeadm-haproxy", "edgeadm-keepalived", "edgeadm-vip-members")


@dataclass(frozen=True)
class Cluster:
    """The sandbox, the inputs of its nodes, and snapshots before the test."""

    sandbox: Sandbox
    package: str
    vip: str
    pin: str
    bare: dict[str, dict[str, list[str]]]

    def node(self, name: str) -> Node:
        return self.sandbox.node(name)

    def words(self, *more: str) -> list[str]:
        told = ["--token", TOKEN, "--discovery-token-ca-cert-hash", self.pin]
        return ["edgeadm", "join", f"{self.vip}:6443", *told, "--install-pkg-path", self.package, *more]

    def join(self, name: str, *more: str) -> Result:
        return self.node(name).exec(self.words(*more))

    def kubectl(self, on: str, *args: str, check: bool = True) -> Result:
        """Through the virtual IP: that is what admin.conf names."""
        return self.node(on).exec([*ADMIN, *args], check=check)

    def holders(self) -> list[str]:
        """The control planes that have the virtual IP now."""
        found = []
        for name in EVERY:
            node = self.node(name)
            if node.is_on() and self.vip in node.exec(["ip", "-o", "addr", "show"], check=False).out:
                found.append(name)
        return found

    def ready(self, on: str, name: str) -> bool:
        path = '{.status.conditions[?(@.type=="Ready")].status}'
        answer = self.kubectl(on, "get", "node", name, "-o", f"jsonpath={path}", check=False)
        return answer.out == "True"

    def settled(self, names: Iterable[str]) -> bool:
        """Whether each of these control planes has its own API server that responds, with its etcd, and one
        of them has the virtual IP. The cluster's conditions of a node do not show a short outage."""

        def answers(name: str) -> bool:
            server = f"--server=https://{self.node(name).ip}:6444"
            return self.kubectl(name, server, "get", "--raw", "/readyz", check=False).out == "ok"

        return all(answers(name) and self.ready(name, name) for name in names) and len(self.holders()) == 1

    def lists(self, name: str) -> tuple[list[str], str]:
        """The peers that keepalived on the control plane knows, and the servers of haproxy."""
        root = self.node(name).root / "var/lib/edgeadm/vip"
        return sorted((root / "peers.conf").read_text().split()), (root / "servers.cfg").read_text()

    def knows(self, name: str, every: list[str]) -> bool:
        """Whether the control plane has exactly these in its lists."""
        addresses = {self.node(each).ip for each in every}
        peers, servers = self.lists(name)
        named = set(re.findall(r"([0-9.]+):6444", servers))
        return set(peers) == addresses - {self.node(name).ip} and named == addresses

    def members(self, on: str) -> list[str]:
        """etcd's voting members as one of them lists them to its peers (etcdserver/api/etcdhttp/peer.go)."""
        pki = self.node(on).root / "etc/kubernetes/pki/etcd"
        asked = [MEMBERS, self.node(on).ip, *(str(pki / name) for name in ("ca.crt", "peer.crt", "peer.key"))]
        netns = names.node_netns(self.sandbox.name, on)
        answer = execute(["ip", "netns", "exec", netns, sys.executable, "-c", *asked]).checked()
        return sorted(each["name"] for each in json.loads(answer.out) if not each.get("isLearner"))


@pytest.fixture(scope="module")
def cluster(make_sandbox: Callable[..., Sandbox], package: Path) -> Cluster:
    sandbox = make_sandbox(control_planes=3, edges=2, package=package)
    cp1 = sandbox.node("cp1")
    (inside,) = cp1.exec(["sh", "-c", "ls /mnt/package/*.tar.zst"]).out.split()
    vip = cp1.ip.rpartition(".")[0] + ".100"
    bare = {name: snapshot(sandbox.node(name)) for name in NAMES}
    words = ["--control-plane-endpoint", vip, "--default-ha", "keepalived", "--upload-certs"]
    secrets = ["--token", TOKEN, "--certificate-key", KEY]
    init = cp1.exec(["edgeadm", "init", "--install-pkg-path", inside, *words, *secrets])
    found = re.search(r"sha256:[0-9a-f]{64}", init.out)
    assert found
    assert f"edgeadm join {vip}:6443" in init.out
    return Cluster(sandbox, inside, vip, found[0], bare)


def test_the_first_control_plane_serves_the_virtual_ip(cluster: Cluster) -> None:
    cp1 = cluster.node("cp1")
    assert cluster.holders() == ["cp1"]
    conf = (cp1.root / KUBECONFIG.lstrip("/")).read_text()
    assert f"server: https://{cluster.vip}:6443" in conf
    assert cluster.kubectl("cp1", "get", "--raw", "/readyz").out == "ok"
    shown = cluster.kubectl("cp1", "get", "node", "cp1", "-o", "wide").out
    assert cp1.ip in shown
    assert cluster.vip not in shown, "the kubelet's address stays its own"


def test_what_holds_the_address_is_checked_and_private(cluster: Cluster) -> None:
    cp1 = cluster.node("cp1")
    folder = cp1.root / "etc/edgeadm/vip"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
        "alive.sh": "0o755",
        "haproxy.cfg": "0o644",
        "keepalived.conf": "0o600",
        "virtual-ip.json": "0o600",
    }
    password = json.loads((folder / "virtual-ip.json").read_text())["password"]
    assert password not in cp1.exec(["ps", "-eo", "args="]).out
    server = ["--server", f"https://{cluster.vip}:6443", "--insecure-skip-tls-verify", "--token", TOKEN]
    where = "/api/v1/namespaces/kube-system/secrets/edgeadm-virtual-ip"
    denied = cp1.exec([*KUBECTL, *server, "get", "--raw", where], check=False)
    assert "Forbidden" in denied.err


@pytest.mark.parametrize("name", ["cp2", "cp3"])
def test_another_control_plane_joins(name: str, cluster: Cluster) -> None:
    ended = cluster.join(name, "--control-plane", "--certificate-key", KEY)
    assert "a new control plane instance was created" in ended.out
    node = cluster.node(name)
    assert all(node.exec(["systemctl", "is-active", unit]).out == "active\n" for unit in UNITS)
    manifest = (node.root / "etc/kubernetes/manifests/kube-apiserver.yaml").read_text()
    assert "--egress-selector-config-file=" in manifest, "its API server goes through the tunnel, too"
    until(lambda: cluster.settled(("cp1", name)), f"{name} is Ready")


def test_everybody_knows_everybody(cluster: Cluster) -> None:
    until(lambda: all(cluster.knows(name, EVERY) for name in EVERY), "the lists of all")
    assert cluster.members("cp1") == EVERY


def test_an_edge_node_joins_through_the_virtual_ip(cluster: Cluster) -> None:
    cluster.join("edge1")
    assert cluster.ready("cp1", "edge1")
    unit = cluster.node("edge1").root / "etc/systemd/system/lite-apiserver.service"
    assert f"--kube-apiserver-url={cluster.vip}" in unit.read_text()


def test_the_address_moves_when_its_holder_dies_and_an_edge_node_joins_meanwhile(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    (holder,) = cluster.holders()
    alive = next(name for name in EVERY if name != holder)
    cluster.sandbox.power(holder, "kill")
    dead = time.monotonic()
    until(
        lambda: cluster.kubectl(alive, "get", "--raw", "/readyz", check=False).out == "ok", "the API answers"
    )
    seconds = time.monotonic() - dead
    with capsys.disabled():
        sys.stdout.write(f"\n{seconds:.1f} s after the power cut the API answered through the virtual IP\n")
    try:
        assert holder not in cluster.holders()
        cluster.join("edge2")
        assert cluster.ready(alive, "edge2")
        until(lambda: cluster.ready(alive, "edge1"), "edge1 goes on")
    finally:
        cluster.sandbox.power(holder, "on")
    until(lambda: cluster.settled(EVERY), f"{holder} is back")


def test_a_dead_api_server_on_the_holder_is_passed_over(cluster: Cluster) -> None:
    """haproxy forwards to another one; the address may stay."""
    (holder,) = cluster.holders()
    node = cluster.node(holder)
    node.exec(["sh", "-c", "mv /etc/kubernetes/manifests/kube-apiserver.yaml /root/"])
    try:
        gone = ["sh", "-c", "ss -ltn | grep -q ':6444 '"]
        until(lambda: node.exec(gone, check=False).code != 0, "its API server has ended")
        until(lambda: cluster.kubectl(holder, "get", "nodes", check=False).code == 0, "the API answers")
    finally:
        node.exec(["sh", "-c", "mv /root/kube-apiserver.yaml /etc/kubernetes/manifests/"])
    until(lambda: cluster.settled(EVERY), "it is back")


def test_a_control_plane_leaves_and_the_others_forget_it(cluster: Cluster) -> None:
    node = cluster.node("cp3")
    node.exec(["edgeadm", "reset", "-f"])
    assert changed(cluster.bare["cp3"], node, OF_A_BOOT) == []
    assert cluster.kubectl("cp1", "get", "node", "cp3", check=False).code != 0
    left = ["cp1", "cp2"]
    until(lambda: all(cluster.knows(name, left) for name in left), "they forget it")
    assert cluster.members("cp1") == ["cp1", "cp2"]


def test_a_join_killed_in_the_middle_of_etcd_is_finished(cluster: Cluster) -> None:
    node = cluster.node("cp3")
    words = cluster.words("--control-plane", "--certificate-key", uploaded_anew(cluster))
    manifest = node.root / "etc/kubernetes/manifests/etcd.yaml"
    kill_at(node, words, "when etcd's manifest is written", manifest.exists)
    node.exec(["pkill", "-KILL", "-x", "kubeadm"], check=False)
    node.exec(words)
    until(lambda: cluster.settled(EVERY), "cp3 is Ready")
    assert cluster.members("cp1") == EVERY
    assert not (node.root / "etc/kubernetes/bootstrap-kubelet.conf").exists()


def uploaded_anew(cluster: Cluster) -> str:
    """The key of the certificates that a control plane uploads again."""
    words = ["edgeadm", "init", "phase", "upload-certs", "--upload-certs"]
    said = cluster.node("cp2").exec(words)
    (key,) = re.findall(r"^[0-9a-f]{64}$", said.out, re.MULTILINE)
    return str(key)


@pytest.mark.parametrize("name", ["edge1", "edge2", "cp1", "cp2", "cp3"])
def test_each_is_taken_back_in_turn(name: str, cluster: Cluster) -> None:
    left = [each for each in EVERY if each > name or name.startswith("edge")]
    cluster.node(name).exec(["edgeadm", "reset", "-f"])
    if left:
        until(
            lambda: cluster.kubectl(left[0], "get", "--raw", "/readyz/etcd", check=False).out == "ok",
            "etcd is healthy",
        )
        until(lambda: cluster.members(left[0]) == left, "the members that are left")
    if name.startswith("edge"):
        cluster.kubectl(left[0], "delete", "node", name, "--ignore-not-found")
    assert changed(cluster.bare[name], cluster.node(name), OF_A_BOOT) == []


def test_nothing_was_forwarded_out_of_the_sandbox(cluster: Cluster) -> None:
    assert cluster.sandbox.forwarded_packets() == 0
