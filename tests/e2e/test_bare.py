"""edgeadm on debootstrap's default installation with sshd: no iptables, conntrack, ethtool or socat.

- preflight has no findings about programs; init on one release, an edge node of another
- iptables is the package's: kubelet's chains, a host port, and kubectl port-forward without socat
- kernel modules and parameters at boot are edgeadm's own files
- a power cut while the link is down; reset, which keeps the previous state"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.package.manifest import FILTERS
from edgeadm.sandbox import Kind, Node, Sandbox
from edgeadm.sandbox.recipe import NEVER, NOT_BARE
from tests.e2e.cluster import ADMIN, DONE, NETWORK, TOKEN, Cluster, package_in
from tests.e2e.snapshot import OF_A_BOOT, changed, snapshot
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
# The image of the control plane and that of the edge node; `make e2e-all` turns them round.
IMAGES = os.environ.get("E2E_BARE_IMAGES", "debian-12 debian-13").split()
RUNNING = "pgrep -x flanneld && pgrep -x kube-proxy && pgrep -x coredns"
Snapshots = dict[str, dict[str, list[str]]]
PORT = 5300
CONTAINER = {
    "name": "web",
    "image": "IMAGE",
    "args": [f"-dns.port={PORT}"],
    "ports": [{"containerPort": PORT, "hostPort": PORT, "protocol": "TCP"}],
}
WEB = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"nodeName": "edge1", "containers": [CONTAINER]},
}


@pytest.fixture(scope="module")
def sandbox(make_sandbox: Callable[..., Sandbox], package: Path, executable: Path) -> Sandbox:
    first, second = IMAGES
    sandbox = make_sandbox(control_planes=1, package=package, kind=Kind(first, bare=True))
    sandbox.up(1, edges=1, package=package, executable=executable, kind=Kind(second, bare=True), say=print)
    return sandbox


@pytest.fixture(scope="module")
def before(sandbox: Sandbox) -> Snapshots:
    """After a second boot: units of Debian run at the first one alone."""
    for node in sandbox.nodes:
        sandbox.power(node.name, "off")
        sandbox.power(node.name, "on")
    return {node.name: snapshot(node) for node in sandbox.nodes}


@pytest.fixture(scope="module")
def cluster(sandbox: Sandbox, before: Snapshots) -> Cluster:
    assert before
    cp1 = sandbox.node("cp1")
    words = ["--install-pkg-path", package_in(cp1), "--token", TOKEN, *NETWORK]
    ended = cp1.exec(["edgeadm", "init", *words])
    assert "FileExisting" not in ended.err
    assert "Your Kubernetes control-plane has initialized successfully!" in ended.out
    found = re.search(r"sha256:[0-9a-f]{64}", ended.out)
    assert found
    return Cluster(sandbox, package_in(cp1), found[0])


@pytest.fixture
def edge1(cluster: Cluster) -> Node:
    return cluster.node("edge1")


@pytest.mark.parametrize("name", ["cp1", "edge1"])
def test_a_bare_node_has_what_debootstrap_installs_and_boots_whole(name: str, sandbox: Sandbox) -> None:
    node = sandbox.node(name)
    release = node.exec(["sh", "-c", ". /etc/os-release; echo debian-$VERSION_ID"]).out.strip()
    assert release == dict(zip(("cp1", "edge1"), IMAGES, strict=True))[name]
    for program in (*NEVER, *NOT_BARE):
        assert node.exec(["sh", "-c", f"command -v {program}"], check=False).code == 127, program
    assert node.exec(["systemctl", "--failed", "--plain", "--no-legend"]).out == ""
    own = node.exec(["sh", "-c", "cd /etc/systemd/system; find . -lname /dev/null"]).out
    assert own == "", "a unit is masked"
    assert node.exec(["sysctl", "-n", "net.ipv4.ip_forward"]).out == "0\n"
    for unit in ("systemd-udevd", "systemd-modules-load", "systemd-sysctl", "systemd-journal-flush"):
        assert node.exec(["systemctl", "is-active", unit]).out == "active\n", unit


def test_an_edge_node_of_another_release_joins(cluster: Cluster, edge1: Node) -> None:
    joined = cluster.join("edge1")
    assert joined.out.startswith(DONE)
    assert "FileExisting" not in joined.err
    assert cluster.condition("edge1") == "True"
    until(lambda: edge1.exec(["sh", "-c", RUNNING], check=False).code == 0, "its Pods run")


def test_iptables_is_the_one_of_the_package(edge1: Node) -> None:
    assert "nf_tables" in edge1.exec(["iptables", "--version"]).out
    for name in FILTERS:
        assert edge1.exec(["sh", "-c", f"command -v {name}"]).out == f"/usr/local/sbin/{name}\n"
    until(lambda: "KUBE-KUBELET-CANARY" in edge1.exec(["iptables-save"]).out, "kubelet has its chains")
    # One that the machine gets later is preferred at once.
    edge1.write("/usr/sbin/iptables", "#!/bin/sh\necho own\n", mode=0o755)
    assert edge1.exec(["iptables", "--version"]).out == "own\n"
    edge1.exec(["rm", "/usr/sbin/iptables"])


def test_a_host_port_works(cluster: Cluster, edge1: Node) -> None:
    images = edge1.exec(["ctr", "-n", "k8s.io", "images", "ls", "-q"]).out.split()
    (coredns,) = [name for name in images if name.startswith("registry.k8s.io/coredns/coredns:")]
    pod = json.dumps(WEB).replace("IMAGE", coredns)
    cluster.cp1.exec([*ADMIN, "apply", "-f", "-"], stdin=pod.encode())
    dial = ["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{edge1.ip}/{PORT}"]
    until(lambda: cluster.cp1.exec(dial, check=False).code == 0, "the host port answers")
    cluster.kubectl("delete", "pod", "web", "--now")


def test_a_port_is_forwarded_without_socat(cluster: Cluster) -> None:
    cp1 = cluster.cp1
    forward = [*ADMIN, "--namespace=kube-system", "port-forward", "deployment/coredns", "18181:8181"]
    cp1.exec(["systemd-run", "--quiet", "--unit=forward", *forward])
    ask = "exec 3<>/dev/tcp/127.0.0.1/18181; printf 'GET /ready HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    until(lambda: "200 OK" in cp1.exec(["timeout", "5", "bash", "-c", ask], check=False).out, "it answers")
    cp1.exec(["systemctl", "stop", "forward"])


def test_after_a_power_cut_without_a_cable_its_pods_are_back(cluster: Cluster, edge1: Node) -> None:
    edge1.link(up=False)
    try:
        cluster.sandbox.power("edge1", "kill")
        cluster.sandbox.power("edge1", "on")
        for unit in ("systemd-modules-load", "systemd-sysctl"):
            assert edge1.exec(["systemctl", "is-active", unit]).out == "active\n"
        # Set by edgeadm's file at boot.
        edge1.exec(["sysctl", "-qw", "net.ipv4.ip_forward=0"])
        edge1.exec(["systemctl", "restart", "systemd-sysctl"])
        assert edge1.exec(["sysctl", "-n", "net.ipv4.ip_forward"]).out == "1\n"
        until(lambda: edge1.exec(["sh", "-c", RUNNING], check=False).code == 0, "its Pods run again")
        until(lambda: cluster.condition("edge1") == "Unknown", "the cluster misses the node")
    finally:
        edge1.link(up=True)
    until(lambda: cluster.condition("edge1") == "True", "the node is Ready again")


@pytest.mark.parametrize("name", ["edge1", "cp1"])
def test_reset_leaves_what_was_there_before(name: str, cluster: Cluster, before: Snapshots) -> None:
    node = cluster.node(name)
    node.exec(["edgeadm", "reset", "-f"])
    assert changed(before[name], node, OF_A_BOOT) == []
