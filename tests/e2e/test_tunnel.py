"""`edgeadm init` creates a cluster that reaches the Pods of an edge node behind NAT. `test_autonomy` has the
outage of ten minutes after which it does so again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from edgeadm.sandbox import Sandbox
from tests.e2e.tunnel import ANSWERS, EdgeCluster, behind_nat
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
FOLDER = "/etc/kubernetes/kube-apiserver-conf"
SECRETS = ("tunnel-cloud-cert", "tunnel-edge-conf", "tunnel-cloud-token")


@pytest.fixture(scope="module")
def cluster(begin: Callable[..., Sandbox]) -> EdgeCluster:
    """One edge node, which can only open connections; the other one is powered off."""
    return behind_nat(begin())


def test_the_edge_node_cannot_be_dialled(cluster: EdgeCluster) -> None:
    assert not cluster.can_be_dialled()


@pytest.mark.parametrize("way", ANSWERS)
def test_every_way_to_a_pod_goes_through_the_tunnel(way: str, cluster: EdgeCluster) -> None:
    until(cluster.works, "the tunnel is up")
    assert re.search(ANSWERS[way], cluster.answer(way))


def test_the_same_after_the_api_server_restarted(cluster: EdgeCluster) -> None:
    stop = "p=$(pgrep -x kube-apiserver) && kill $p && while kill -0 $p; do sleep 0.1; done"
    cluster.cp1.exec(["bash", "-c", stop], timeout=300)
    until(cluster.works, "everything is reached again")


def test_the_same_after_the_tunnels_cloud_side_was_killed(cluster: EdgeCluster) -> None:
    cluster.cp1.exec(["pkill", "-KILL", "-f", "tunnel --m=cloud"])
    until(cluster.works, "everything is reached again")


def test_only_the_port_to_dial_in_is_open_to_the_world(cluster: EdgeCluster) -> None:
    services = json.loads(cluster.kubectl("-n", "edge-system", "get", "services", "-o", "json").out)["items"]
    ports = [port for each in services for port in each["spec"]["ports"] if "nodePort" in port]
    assert [(port["name"], port["nodePort"]) for port in ports] == [("grpc", 30900)]


def test_keys_and_tokens_are_in_secrets_alone(cluster: EdgeCluster) -> None:
    words = []
    for name in SECRETS:
        data = json.loads(cluster.kubectl("-n", "edge-system", "get", "secret", name, "-o", "json").out)[
            "data"
        ]
        words += [value for key, value in data.items() if not key.endswith(".crt")]
    token = cluster.kubectl(
        "-n",
        "edge-system",
        "get",
        "secret",
        "tunnel-cloud-token",
        "-o",
        "go-template={{.data.token | base64decode}}",
    ).out.partition(":")[2]
    assert len(token) == 32
    configmaps = cluster.kubectl("get", "configmaps", "-A", "-o", "json").out
    assert not [word for word in [*words, token] if word in configmaps]
    for node in (cluster.cp1, cluster.edge1):
        found = node.exec(
            ["grep", "-rlF", "--", token, "/etc", "/var/log", "/var/lib/edgeadm", "/tmp"], check=False
        )
        assert found.out == "", node.name


def test_a_second_run_changes_nothing(cluster: EdgeCluster) -> None:
    found = json.loads(cluster.cp1.exec(["edgeadm", "addon", "edge-apps", "-o", "json"]).out)
    assert (found["changed"], found["unwired"]) == (0, [])


def test_nothing_was_forwarded_out_of_the_sandbox(cluster: EdgeCluster) -> None:
    assert cluster.sandbox.forwarded_packets() == 0
