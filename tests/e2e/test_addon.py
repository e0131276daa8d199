"""`edgeadm addon edge-apps` on a cluster that only kubeadm created, and `detach edge-apps` after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from edgeadm.sandbox import Sandbox
from tests.e2e.cluster import TOKEN
from tests.e2e.compared import Tidying, files, objects, settled
from tests.e2e.tunnel import RANGE, EdgeCluster
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cluster(begin: Callable[..., Sandbox]) -> EdgeCluster:
    """edgeadm only installs the programs; the cluster is kubeadm's."""
    found = EdgeCluster(begin(edges=1))
    words = ["--install-pkg-path", found.package, "--pod-network-cidr", RANGE, "--token", TOKEN]
    for phase in ("package", "node", "runtime", "images", "kubelet", "kubeadm-config"):
        # kubeadm must not start the API server with edgeadm's settings.
        found.cp1.exec(["edgeadm", "init", "phase", phase, *words, "--skip-phases", "first-start"])
    found.cp1.exec(["kubeadm", "init", "--config", "/etc/edgeadm/kubeadm.yaml"])
    found.cp1.exec(["edgeadm", "init", "phase", "cni", *words])
    return found


@pytest.fixture(scope="module")
def before(cluster: EdgeCluster) -> tuple[dict[str, Any], str]:
    return settled(cluster.kubectl), files(cluster.cp1, "/etc/kubernetes")


def test_addon_makes_an_edge_cluster_of_it(cluster: EdgeCluster, before: tuple[dict[str, Any], str]) -> None:
    plan = json.loads(cluster.cp1.exec(["edgeadm", "addon", "edge-apps", "plan", "-o", "json"]).out)
    assert [each["phase"] for each in plan["phases"] if each["needed"]] == [
        "namespace",
        "certificates",
        "tunnel",
        "application-grid",
        "kube-proxy",
        "pod-network",
        "cloud-only",
        "site-manager",
        "edge-health",
        "edge-dns",
        "api-server",
    ]
    words = ["edgeadm", "addon", "edge-apps", "--install-pkg-path", cluster.package, "-o", "json"]
    found = json.loads(cluster.cp1.exec([*words, "--tunnel-port", "30955"]).out)
    assert (found["unwired"], found["byHand"]) == ([], [])


def test_a_second_run_goes_by_what_the_first_was_asked_and_by_what_others_changed(
    cluster: EdgeCluster,
) -> None:
    path = "/spec/template/spec/containers/0/resources/requests/cpu"
    patch = json.dumps([{"op": "replace", "path": path, "value": "7m"}])
    cluster.kubectl("-n", "edge-system", "patch", "daemonset", "approver", "--type=json", "-p", patch)
    cluster.kubectl("-n", "edge-system", "annotate", "service", "tunnel-cloud", "example.org/theirs=yes")
    words = ["edgeadm", "addon", "edge-apps", "--install-pkg-path", cluster.package, "-o", "json"]
    assert json.loads(cluster.cp1.exec(words).out)["changed"] == 0
    plan = json.loads(cluster.cp1.exec([*words[:3], "plan", *words[3:]]).out)
    said = next(each["reason"] for each in plan["phases"] if each["phase"] == "approver")
    assert "resources.requests.cpu (kubectl-patch)" in said
    asked = ("-n", "edge-system", "get", "daemonset", "approver", "-o", "yaml")
    assert "cpu: 7m" in cluster.kubectl(*asked).out
    service = cluster.kubectl("-n", "edge-system", "get", "service", "tunnel-cloud-grpc", "-o", "yaml").out
    assert "nodePort: 30955" in service


def test_an_edge_node_joins_by_the_command_that_token_create_prints(cluster: EdgeCluster) -> None:
    command = cluster.cp1.exec(["edgeadm", "token", "create", "--print-join-command"]).out.split()
    cluster.edge1.exec([*command, "--install-pkg-path", cluster.package])
    cluster.edge1.nat(on=True)
    cluster.run_web()
    until(cluster.works, "everything at the edge is reachable through the tunnel")
    assert not cluster.can_be_dialled()


def test_certificates_are_listed_and_renewed_while_the_cluster_runs(cluster: EdgeCluster) -> None:
    listed = json.loads(cluster.cp1.exec(["edgeadm", "certs", "check", "-o", "json"]).out)
    assert [each["state"] for each in listed] == ["ok"] * 4
    cluster.cp1.exec(["edgeadm", "certs", "renew", "--all"])
    renewed = json.loads(cluster.cp1.exec(["edgeadm", "certs", "check", "-o", "json"]).out)
    assert all(new["expires"] > old["expires"] for old, new in zip(listed, renewed, strict=True))
    until(cluster.works, "everything is reached with the new certificates")


def test_detach_refuses_while_the_edge_node_is_there(cluster: EdgeCluster) -> None:
    ended = cluster.cp1.exec(["edgeadm", "detach", "edge-apps", "-o", "json"], check=False)
    error = json.loads(ended.out)["error"]
    assert (error["code"], "edge1" in error["message"]) == ("edge-nodes", True)


def test_detach_leaves_the_cluster_as_it_was(
    cluster: EdgeCluster, before: tuple[dict[str, Any], str]
) -> None:
    """The last test of this file."""
    cluster.kubectl("delete", "pod/web", "configmap/web")
    tokens = json.loads(cluster.cp1.exec(["edgeadm", "token", "list", "-o", "json"]).out)
    added = [each["token"] for each in tokens if each["token"] != TOKEN]
    cluster.cp1.exec(["edgeadm", "token", "delete", *added])
    cluster.edge1.exec(["edgeadm", "reset", "-f"])
    cluster.kubectl("delete", "node", "edge1")
    cluster.cp1.exec(["edgeadm", "detach", "edge-apps"])
    until(lambda: "Namespace//edge-system" not in objects(cluster.kubectl), "the namespace is gone")
    tidy = Tidying(before[0], cluster.kubectl)
    until(tidy, "controllers are done")
    assert tidy.left == [], "\n".join(tidy.left)
    assert files(cluster.cp1, "/etc/kubernetes") == before[1]
    assert "0 changes" in cluster.cp1.exec(["edgeadm", "detach", "edge-apps"]).err
