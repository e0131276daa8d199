"""`edgeadm addon edge-apps` on a cluster that neither kubeadm nor edgeadm created, with its own units and
certificates."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from edgeadm.hosts import Result
from edgeadm.sandbox import Sandbox
from tests.e2e.compared import Tidying, files, objects, settled
from tests.e2e.plain import CA, HOME, PlainCluster
from tests.e2e.release import KUBERNETES
from tests.e2e.tunnel import WEB
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
FOLDERS = (HOME, "/etc/kubernetes")
# What the two controllers that were asked for run as; kube-controller-manager has made these.
OF_CONTROLLERS = tuple(f"ServiceAccount/kube-system/{name}" for name in ("bootstrap-signer", "token-cleaner"))
ADDON = ("edgeadm", "addon", "edge-apps", "--ca.cert", CA[0], "--ca.key", CA[1])
SIGNER = "--controllers=*,bootstrapsigner,tokencleaner"
EGRESS = (
    "--egress-selector-config-file=/etc/kubernetes/kube-apiserver-conf/egress-selector-configuration.yaml",
    "--enable-aggregator-routing=true",
)


@pytest.fixture(scope="module")
def cluster(begin: Callable[..., Sandbox]) -> PlainCluster:
    found = PlainCluster(begin(edges=1))
    found.set_up()
    return found


@pytest.fixture(scope="module")
def before(cluster: PlainCluster) -> tuple[dict[str, Any], str]:
    return settled(cluster.kubectl), files(cluster.cp1, *FOLDERS)


def addon(cluster: PlainCluster, *args: str) -> dict[str, Any]:
    words = [*ADDON, "--install-pkg-path", cluster.package, "-o", "json", *args]
    found: dict[str, Any] = json.loads(cluster.cp1.exec(words).out)
    return found


def test_addon_installs_all_that_needs_no_control_plane_and_says_what_is_left(
    cluster: PlainCluster, before: tuple[dict[str, Any], str]
) -> None:
    found = addon(cluster)
    assert [flag for flag in (SIGNER, *EGRESS) if flag not in "\n".join(found["byHand"])] == []
    again = addon(cluster)
    assert (again["changed"], again["byHand"]) == (0, found["byHand"])
    config = cluster.kubectl("-n", "kube-system", "get", "configmap", "kubeadm-config", "-o", "yaml").out
    assert "serviceSubnet: 10.32.0.0/24" in config
    assert f"kubernetesVersion: {KUBERNETES}" in config


def test_after_those_steps_nothing_is_left(cluster: PlainCluster) -> None:
    """The manual steps in the output."""
    cluster.start("kube-controller-manager", kube_controller_manager=[SIGNER])
    cluster.start("kube-apiserver", kube_apiserver=list(EGRESS))
    until(lambda: cluster.kubectl("get", "--raw", "/readyz", check=False).out == "ok", "the API is ready")
    found = addon(cluster)
    assert (found["changed"], found["byHand"]) == (0, [])


def test_an_edge_node_joins_and_is_reached(cluster: PlainCluster) -> None:
    command = cluster.cp1.exec(["edgeadm", "token", "create", "--print-join-command"]).out.split()
    cluster.edge1.exec([*command, "--install-pkg-path", cluster.package])
    cluster.edge1.nat(on=True)
    cluster.kubectl("apply", "-f", "-", stdin=WEB.encode())
    until(lambda: "CoreDNS-1" in cluster.kubectl("logs", "web", check=False).out, "its log is to be had")
    said = on_edge(cluster, "exec", "--", "/usr/sbin/iptables", "--version")
    assert "iptables v1." in said.out
    proxied = "/api/v1/namespaces/default/pods/web:8080/proxy/health"
    assert cluster.kubectl("get", "--raw", proxied).out == "OK"
    dial = ["timeout", "5", "bash", "-c", f"</dev/tcp/{cluster.edge1.ip}/10250"]
    assert cluster.cp1.exec(dial, check=False).code != 0


def on_edge(cluster: PlainCluster, verb: str, *args: str) -> Result:
    """kubectl's verb, for the one Pod of flannel on the edge node, which is not the cloud's."""
    namespace = ("-n", "kube-flannel")
    which = ("--field-selector=spec.nodeName=edge1", "-o", "jsonpath={.items[*].metadata.name}")
    (name,) = cluster.kubectl(*namespace, "get", "pods", *which).out.split()
    assert name.startswith("edge-flannel-")
    return cluster.kubectl(*namespace, verb, name, *args)


def test_detach_is_refused_while_the_api_server_goes_through_the_tunnel(cluster: PlainCluster) -> None:
    refused = cluster.cp1.exec(["edgeadm", "detach", "edge-apps", "--force", "-o", "json"], check=False)
    error = json.loads(refused.out)["error"]
    assert (error["code"], EGRESS[0] in error["hint"]) == ("still-wired", True)


def test_detach_leaves_the_cluster_as_it_was(
    cluster: PlainCluster, before: tuple[dict[str, Any], str]
) -> None:
    """The last test of this file."""
    cluster.kubectl("delete", "pod/web", "configmap/web", "--grace-period=1")
    tokens = json.loads(cluster.cp1.exec(["edgeadm", "token", "list", "-o", "json"]).out)
    cluster.cp1.exec(["edgeadm", "token", "delete", *(each["token"] for each in tokens)])
    cluster.edge1.exec(["edgeadm", "reset", "-f"])
    cluster.kubectl("delete", "node", "edge1")
    cluster.start("kube-apiserver")
    until(lambda: cluster.kubectl("get", "--raw", "/readyz", check=False).out == "ok", "the API is ready")
    cluster.cp1.exec(["edgeadm", "detach", "edge-apps"])
    until(lambda: "Namespace//edge-system" not in objects(cluster.kubectl), "the namespace is gone")
    tidy = Tidying(before[0], cluster.kubectl, OF_CONTROLLERS)
    until(tidy, "controllers are done")
    assert tidy.left == [], "\n".join(tidy.left)
    assert files(cluster.cp1, *FOLDERS) == before[1]
    assert "0 changes" in cluster.cp1.exec(["edgeadm", "detach", "edge-apps"]).err
