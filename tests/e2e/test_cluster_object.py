"""The Cluster document of TKE's design by `kubectl apply`: the controller of a management cluster creates one
control plane and two edge nodes from bare hosts, while another Cluster has a machine without power."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.sandbox import Sandbox
from tests.e2e.cluster import ADMIN, Reached
from tests.e2e.logins import allow_password
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

NAME, OTHER = "attlee-superedge", "nowhere"
PASSWORD = "site-Passw0rd"
ENCODED = base64.b64encode(PASSWORD.encode()).decode()
EXAMPLE = Path(__file__).parents[2] / "docs/examples/superedge_edge.yaml"
# Of the new cluster: the control plane and the edge nodes. The last host has no power.
FIRST, EDGES, DEAD = "edge1", {"edge-1": "edge2", "edge-2": "edge3"}, "edge4"


@dataclass(frozen=True)
class Management(Reached):
    """A management cluster with the fleet controller, and bare hosts."""

    def ip(self, name: str) -> str:
        return self.sandbox.node(name).ip

    def apply(self, *documents: Mapping[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents).encode())

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "cluster", name, "-o", "json").out)
        return dict(found.get("status") or {})

    def conditions(self, name: str) -> dict[str, tuple[str, str]]:
        """The status and the message of each condition."""
        found = self.status(name).get("conditions") or ()
        return {each["type"]: (each["status"], each["message"]) for each in found}

    def has_phase(self, name: str, phase: str) -> bool:
        return bool(self.status(name).get("phase") == phase)

    @property
    def control_plane(self) -> str:
        """The Node of the new cluster's control plane."""
        return f"{NAME}-{self.ip(FIRST).replace('.', '-')}"

    def nodes(self) -> dict[str, str]:
        """The Ready condition of each node of the new cluster, by its own API server."""
        words = [*ADMIN, "get", "nodes", "-o", "json"]
        items: list[dict[str, Any]] = json.loads(self.sandbox.node(FIRST).exec(words).out)["items"]
        return {
            each["metadata"]["name"]: condition["status"]
            for each in items
            for condition in each["status"]["conditions"]
            if condition["type"] == "Ready"
        }

    @property
    def expected(self) -> dict[str, str]:
        return dict.fromkeys((self.control_plane, *EDGES), "True")


def documents(site: Management) -> list[dict[str, Any]]:
    """The documents of the design with the addresses of this sandbox. The API has no NodeFleets: its machine
    is a second Machine."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("UGFzc3dvcmQ=", ENCODED)
    text = text.replace("10.0.200.98\n", f"{site.ip(FIRST)}\n")
    text = text.replace("10.0.200.99\n", f"{site.ip(EDGES['edge-1'])}\n")
    cluster, machine, _fleet = yaml.safe_load_all(text)
    second = {**machine, "metadata": {"name": "edge-2"}, "spec": {**machine["spec"], "ip": site.ip("edge3")}}
    return [cluster, machine, second]


def unreachable(site: Management) -> dict[str, Any]:
    """A Cluster whose only machine has no power."""
    machine = {"ip": site.ip(DEAD), "port": 22, "username": "root", "password": ENCODED}
    kind = {"apiVersion": "platform.tkestack.io/v1", "kind": "Cluster", "metadata": {"name": OTHER}}
    return {**kind, "spec": {"type": "Edge", "machines": [machine]}}


@pytest.fixture(scope="module")
def site(begin: Callable[..., Sandbox]) -> Management:
    sandbox = begin(edges=4)
    for name in (FIRST, *EDGES.values()):
        allow_password(sandbox.node(name), PASSWORD)
    found = Management(sandbox)
    sandbox.node(DEAD).link(up=False)
    found.cp1.exec(["edgeadm", "addon", "fleet", "--install-pkg-path", found.package])
    found.apply(unreachable(found), *documents(found))
    return found


def test_the_objects_become_a_running_cluster(site: Management) -> None:
    until(lambda: site.has_phase(NAME, "Running"), "the cluster runs", 900)
    header, *lines = (each.split() for each in site.kubectl("get", "cluster").out.splitlines())
    assert header == ["NAME", "TYPE", "VERSION", "STATUS", "AGE"]
    (shown,) = (each for each in lines if each[0] == NAME)
    assert shown[:4] == [NAME, "Edge", "1.20.6-tke.2", "Running"]
    assert site.nodes() == site.expected


def test_each_step_has_a_condition(site: Management) -> None:
    found = site.conditions(NAME)
    assert {status for status, _ in found.values()} == {"True"}, found
    assert len(found) > 3, found
    for warned in ("containerRuntime", "1.20.6-tke.2", "tenantID", "EnsureCilium"):
        assert warned in found["Accepted"][1]


def test_a_cluster_with_an_unreachable_machine_fails_and_names_it(site: Management) -> None:
    until(lambda: site.has_phase(OTHER, "Failed"), "the attempt ends", 300)
    found = site.conditions(OTHER)
    address = site.ip(DEAD)
    status, message = found[f"Machine-{OTHER}-{address.replace('.', '-')}"]
    assert (status, address in message) == ("False", True), found
    assert found["Applied"][0] == "False"
    events = site.kubectl("-n", "edge-system", "get", "events", "-o", "json").out
    named = [each for each in json.loads(events)["items"] if each["involvedObject"]["name"] == OTHER]
    assert any(address in each["message"] for each in named), named


def test_only_the_objects_contain_the_password(site: Management) -> None:
    for kind in ("events", "configmaps", "pods", "jobs", "secrets"):
        shown = site.kubectl("get", kind, "-A", "-o", "yaml").out
        assert not [each for each in (PASSWORD, ENCODED) if each in shown], kind
    for name in (NAME, OTHER):
        told = json.dumps(site.status(name))
        assert not [each for each in (PASSWORD, ENCODED) if each in told], name
    pods = site.kubectl("-n", "edge-system", "get", "pods", "-l", "app=fleet-controller", "-o", "name").out
    assert len(pods.split()) == 2
    # The replica that is not the leader may have printed nothing.
    logs = "".join(site.kubectl("-n", "edge-system", "logs", pod).out for pod in pods.split())
    assert f"Cluster/{NAME}: Running" in logs
    assert not [each for each in (PASSWORD, ENCODED) if each in logs]
    words = ["grep", "-rlsE", f"{PASSWORD}|{ENCODED}"]
    places = ["/etc", "/var/log", "/var/lib/edgeadm", "/var/lib/edgeadm-fleet", "/root", "/run"]
    for name in ("cp1", FIRST, *EDGES.values()):
        assert site.sandbox.node(name).exec([*words, *places], check=False).out == "", name
    # The volumes of the controller. It deletes the file of a document after each attempt.
    volumes = [*words, "/var/lib/kubelet/pods"]
    until(lambda: site.cp1.exec(volumes, check=False).out == "", "the controller stores no password", 120)


def test_deleted_objects_change_no_machine(site: Management) -> None:
    names = ["cluster/attlee-superedge", "cluster/nowhere", "machine/edge-1", "machine/edge-2"]
    site.kubectl("delete", *names)
    site.cp1.exec(["edgeadm", "detach", "fleet"])
    assert site.kubectl("get", "crd", "clusters.platform.tkestack.io", check=False).code
    assert site.nodes() == site.expected
