"""`edgeadm join` of an edge node, killed in each of its phases: `edgeadm reset` reverts it, and running the
command again completes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgeadm.node.join_files import TOKEN_FILES
from edgeadm.node.membership import BOOTSTRAP, CLIENT
from edgeadm.sandbox import Node, Sandbox
from tests.e2e.cluster import DONE, TOKEN, Cluster, cluster_of
from tests.e2e.killing import began, kill_at, ran
from tests.e2e.snapshot import changed, snapshot

pytestmark = pytest.mark.e2e
PATIENCE = 600.0  # seconds after which a reset counts as hung


@pytest.fixture(scope="module")
def cluster(begin: Callable[..., Sandbox]) -> Cluster:
    return cluster_of(begin(edges=1))


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> Node:
    return cluster.node("edge1")


@pytest.fixture(scope="module")
def bare(node: Node) -> dict[str, list[str]]:
    return snapshot(node)


def in_phase(phase: str) -> Callable[[Node], bool]:
    return lambda node: began(node, phase)


# The points at which join is killed and then reverted.
RESET_AFTER: dict[str, Callable[[Node], bool]] = {
    phase: in_phase(phase)
    for phase in ("package", "node", "runtime", "cni", "edge/nic", "edge/memory", "kubeadm")
}
# The points at which it is killed, killed again in the next run, and then completed.
AGAIN_AFTER: dict[str, tuple[Callable[[Node], bool], Callable[[Node], bool]]] = {
    "kubelet, edge/lite-apiserver": (in_phase("kubelet"), in_phase("edge/lite-apiserver")),
    "edge/certificate, kubeadm has begun": (
        in_phase("edge/certificate"),
        lambda node: ran(node, "kubeadm join") > 0,
    ),
    "images, the kubelet asks to be let in": (
        lambda node: ran(node, "images import") > 1,
        lambda node: (node.root / BOOTSTRAP.lstrip("/")).exists(),
    ),
}


@pytest.mark.parametrize("where", RESET_AFTER)
def test_a_killed_join_is_taken_back(
    where: str, cluster: Cluster, node: Node, bare: dict[str, list[str]]
) -> None:
    kill_at(node, cluster.words(), where, lambda: RESET_AFTER[where](node))
    reset(node, bare)


@pytest.mark.parametrize("where", AGAIN_AFTER)
def test_a_killed_join_is_finished_by_the_next(
    where: str, cluster: Cluster, node: Node, bare: dict[str, list[str]]
) -> None:
    for reached in AGAIN_AFTER[where]:
        kill_at(node, cluster.words(), where, lambda reached=reached: reached(node))
    ended = cluster.join("edge1")
    assert ended.out.startswith(DONE)
    assert cluster.condition("edge1") == "True"
    assert node.exec(["test", "-e", CLIENT], check=False).code == 0
    left = [path for path in (*TOKEN_FILES, BOOTSTRAP) if (node.root / path.lstrip("/")).exists()]
    assert left == []
    secret = ["grep", "-rlF", "--", TOKEN.partition(".")[2], "/etc", "/var/lib/edgeadm", "/var/log/edgeadm"]
    assert node.exec(secret, check=False).out == ""
    reset(node, bare)
    cluster.kubectl("delete", "node", "edge1")


def reset(node: Node, bare: dict[str, list[str]]) -> None:
    """The host is in its previous state."""
    node.exec(["edgeadm", "reset", "-f"], timeout=PATIENCE)
    assert changed(bare, node) == []
