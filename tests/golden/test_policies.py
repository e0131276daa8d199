"""Who may dial which Pod, where the cluster's network enforces it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.golden.test_schemas import MANIFESTS, objects

WORKLOADS = ("Deployment", "DaemonSet")
# Of the host's network, which no policy governs; flannel is the network itself.
UNGOVERNED = {"edge-coredns", "edge-flannel", "edge-kube-proxy", "kube-flannel-ds", "tunnel-edge"}


def pods(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for obj in objects(name):
        if obj["kind"] in WORKLOADS:
            yield obj["metadata"]["name"], obj["spec"]["template"]


def selects(selector: Mapping[str, str], template: Mapping[str, Any]) -> bool:
    return selector.items() <= template["metadata"]["labels"].items()


def policies_of(name: str, template: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [obj["spec"] for obj in objects(name) if obj["kind"] == "NetworkPolicy"]
    return [each for each in found if selects(each["podSelector"]["matchLabels"], template)]


GOVERNED = [
    (name, workload) for name in MANIFESTS for workload, _ in pods(name) if workload not in UNGOVERNED
]


def test_pods_of_the_hosts_network_have_no_policy_and_all_others_have_one() -> None:
    found = {workload: template for name in MANIFESTS for workload, template in pods(name)}
    assert {each for each, template in found.items() if template["spec"].get("hostNetwork")} == UNGOVERNED
    for name in MANIFESTS:
        for workload, template in pods(name):
            assert len(policies_of(name, template)) == (workload not in UNGOVERNED), f"{name} {workload}"


@pytest.mark.parametrize(("name", "workload"), GOVERNED)
def test_a_policy_lets_in_what_a_service_or_a_declared_port_is_for_and_nothing_else(
    name: str, workload: str
) -> None:
    template = dict(pods(name))[workload]
    (policy,) = policies_of(name, template)
    assert policy["policyTypes"] == [
        "Ingress"
    ]  # where the API server is cannot be said: nothing keeps them in
    allowed = {port["port"] for rule in policy.get("ingress", ()) for port in rule["ports"]}
    services = [obj["spec"] for obj in objects(name) if obj["kind"] == "Service"]
    wanted = {
        port["targetPort"]
        for each in services
        if selects(each["selector"], template)
        for port in each["ports"]
    }
    containers = template["spec"]["containers"]
    wanted |= {port["containerPort"] for each in containers for port in each.get("ports", ())}
    assert allowed == wanted


def test_what_asks_for_nothing_is_for_the_clusters_pods() -> None:
    (policy,) = policies_of("tunnel-cloud.yaml", dict(pods("tunnel-cloud.yaml"))["tunnel-cloud"])
    open_, inside = policy["ingress"]
    assert [port["port"] for port in open_["ports"]] == [9000, 8000]
    assert "from" not in open_
    assert inside["from"] == [{"namespaceSelector": {}}]
