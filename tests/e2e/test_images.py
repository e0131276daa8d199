"""An offline package with image names that differ from the requested ones, on a bare host without internet
access."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from edgeadm.sandbox import Node, Sandbox
from tests.e2e.cluster import ADMIN
from tests.e2e.release import IMAGES, KUBERNETES
from tests.e2e.snapshot import changed, snapshot

pytestmark = pytest.mark.e2e
MIRROR = "superedge.tencentcloudcr.com/superedge"
OTHER = "v" + KUBERNETES.removeprefix("v").rpartition(".")[0] + ".99"
EDGE_MIRROR = "registry.example/edge"


@pytest.fixture(scope="module")
def sandbox(make_sandbox: Callable[..., Sandbox], package: Path) -> Sandbox:
    return make_sandbox(control_planes=1, edges=1, package=package)


def edgeadm(node: Node, *words: str) -> Result:
    package = node.exec(["sh", "-c", "ls /mnt/package/*.tar.zst"]).out.strip()
    return node.exec(["edgeadm", *words, "--install-pkg-path", package], check=False)


def names(node: Node) -> set[str]:
    lines = node.exec(["ctr", "-n", "k8s.io", "images", "ls"]).out.splitlines()[1:]
    unpinned = [line for line in lines if "io.cri-containerd.pinned=pinned" not in line]
    assert [line.split()[0] for line in unpinned if not line.startswith("sha256:")] == []
    return {line.split()[0] for line in lines}


def test_a_tag_that_the_package_lacks_is_refused_before_anything_changes(sandbox: Sandbox) -> None:
    node = sandbox.node("cp1")
    before = snapshot(node)
    node.write("/root/other.yaml", OTHER_VERSION.encode())
    node.write("/root/tags.yaml", OTHER_TAGS.encode())
    refused = edgeadm(node, "init", "--config", "/root/other.yaml")
    assert refused.code == 2, refused.err
    assert f"[ERROR KubernetesVersion]: Kubernetes {OTHER} was requested" in refused.err
    assert KUBERNETES in refused.err
    for words in (("init",), ("init", "phase", "preflight")):
        refused = edgeadm(node, *words, "--config", "/root/tags.yaml")
        assert refused.code == 2, refused.err
        for name in ("registry.k8s.io/coredns/coredns", "registry.k8s.io/etcd"):
            assert f"{name}:v0.0.1 is required, but the package contains {IMAGES[name]}" in refused.err
    plan = json.loads(edgeadm(node, "init", "plan", "--config", "/root/tags.yaml", "-o=json").out)
    assert [each["name"] for each in plan["errors"]].count("ImagePull") == 2
    node.exec(["rm", "/root/other.yaml", "/root/tags.yaml"])
    assert changed(before, node) == []


def test_images_get_the_names_of_another_registry_and_nothing_is_pulled(sandbox: Sandbox) -> None:
    node = sandbox.node("cp1")
    flags = ("--image-repository", MIRROR, "--edge-image-repository", EDGE_MIRROR, "-v=2")
    ended = edgeadm(node, "init", *flags, "--pod-network-cidr=192.168.0.0/16")
    assert ended.code == 0, ended.err
    there = names(node)
    for name in ("kube-apiserver", "kube-proxy", "etcd", "pause"):
        assert f"{MIRROR}/{name}:{IMAGES[f'registry.k8s.io/{name}'].rpartition(':')[2]}" in there
    again = edgeadm(node, "init", *flags, "--pod-network-cidr=192.168.0.0/16")
    assert "0 changes" in again.err


def test_a_node_that_joins_gives_its_images_the_clusters_names(sandbox: Sandbox) -> None:
    first, node = sandbox.node("cp1"), sandbox.node("edge1")
    join = first.exec(["edgeadm", "token", "create", "--print-join-command"]).out.split()
    ended = edgeadm(node, *join[1:])
    assert ended.code == 0, ended.err
    there = names(node)
    assert f"{MIRROR}/kube-proxy:{KUBERNETES}" in there
    assert any(each.startswith(f"{EDGE_MIRROR}/tunnel:") for each in there)
    # containerd reports any name of a container's image: the requested names are in the API.
    kubectl = [*ADMIN]
    here = ["pods", "-A", "--field-selector", "spec.nodeName=edge1"]
    first.exec([*kubectl, "wait", *here, "--for=condition=Ready", "--timeout=180s"])
    pods = json.loads(first.exec([*kubectl, "get", *here, "-o", "json"]).out)["items"]
    running = {each["image"] for pod in pods for each in pod["spec"]["containers"]}
    for name in ("kube-proxy", "coredns"):
        assert any(image.startswith(f"{MIRROR}/{name}:") for image in running)
    told = json.loads(node.exec(["edgeadm", "check", "autonomy", "-o=json"], check=False).out)
    assert [each for each in told["checks"] if each["result"] == "failed"] == []


OTHER_VERSION = f"""apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {OTHER}
"""
OTHER_TAGS = """apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
dns: {imageTag: v0.0.1}
etcd: {local: {imageTag: v0.0.1}}
"""
