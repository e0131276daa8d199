"""NodeTasks as in SuperEdge's article: batches are added directly and through a node behind NAT, and one is
reinstalled, while the controller is killed and a cable is unplugged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from edgeadm.sandbox import Sandbox
from tests.e2e.cluster import Reached
from tests.e2e.logins import allow_password
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
LABEL = "app.superedge.io/node-label"
PASSWORD = "canary-Pa55-word"
# Bare hosts: two that the controller reaches, and one that only edge1 reaches.
DIRECT, HIDDEN = ("edge3", "edge4"), "edge5"
LEADER = "pkill -KILL -f '[r]un fleet-controller'"


@dataclass(frozen=True)
class Site(Reached):
    """A cluster with the fleet controller."""

    def ip(self, name: str) -> str:
        return self.sandbox.node(name).ip

    def apply(self, name: str, **spec: Any) -> None:
        kind = {"apiVersion": "nodetask.apps.superedge.io/v1beta1", "kind": "NodeTask"}
        document = {**kind, "metadata": {"name": name}, "spec": spec}
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(document).encode())

    def status(self, name: str) -> dict[str, Any]:
        found = json.loads(self.kubectl("get", "nt", name, "-o", "json").out)
        answer: dict[str, Any] = found.get("status") or {}
        return answer

    def state(self, name: str, node: str) -> dict[str, Any]:
        """The machine of a task that is this host."""
        machines = self.status(name).get("machines") or ()
        return next((each for each in machines if each["address"] == self.ip(node)), {})

    def nodes(self) -> dict[str, dict[str, str]]:
        """The labels of each node that is Ready."""
        items = json.loads(self.kubectl("get", "nodes", "-o", "json").out)["items"]
        return {
            each["metadata"]["name"]: each["metadata"]["labels"]
            for each in items
            if {"Ready": "True"}.items()
            <= {one["type"]: one["status"] for one in each["status"]["conditions"]}.items()
        }

    def joins(self, node: str) -> int:
        """How often `edgeadm join` was started on the host."""
        counted = """grep -l '"verb": "join"' /var/lib/edgeadm-fleet/runs/*.jsonl 2>/dev/null | wc -l"""
        return int(self.sandbox.node(node).exec(["sh", "-c", counted]).out.strip() or 0)

    def tokens(self) -> list[str]:
        every = json.loads(self.cp1.exec(["edgeadm", "token", "list", "-o", "json"]).out)
        return [each["description"] for each in every if "fleet" in each["description"]]

    def finished(self, name: str) -> bool:
        return bool(self.status(name).get("nodetaskStatus") == "ready")


@pytest.fixture(scope="module")
def site(begin: Callable[..., Sandbox]) -> Site:
    sandbox = begin(edges=5)
    found = Site(sandbox)
    key = (sandbox.store.folder(sandbox.name) / "ssh/id_ed25519").read_text()
    for name, field, value in (("login-secret", "sshkey", key), ("password-secret", "passwd", PASSWORD)):
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "edge-system"},
        }
        text = yaml.safe_dump({**secret, "stringData": {field: value}})
        found.kubectl("apply", "-f", "-", stdin=text.encode())
    for name in DIRECT:
        allow_password(sandbox.node(name), PASSWORD)
    rule = ["-p", "tcp", "--dport", "22", "!", "-s", found.ip("edge1"), "-j", "DROP"]
    sandbox.node(HIDDEN).exec(["iptables", "-I", "INPUT", *rule])
    found.edge1.nat(on=True)
    found.cp1.exec(["edgeadm", "addon", "fleet", "--install-pkg-path", found.package])
    return found


def test_a_batch_is_added_while_the_controller_is_killed(site: Site) -> None:
    machines = [site.ip(name) for name in DIRECT]
    site.apply("nodes", nodeNamePrefix="shop", targetMachines=machines, sshCredential="password-secret")
    until(lambda: "state" in site.state("nodes", DIRECT[0]), "the names are stored")
    site.cp1.exec(["sh", "-c", LEADER], check=False)
    until(lambda: site.state("nodes", DIRECT[0])["state"] == "joining", "it joins")
    site.cp1.exec(["sh", "-c", LEADER], check=False)
    until(lambda: site.finished("nodes"), "the batch is added", 900)
    status = site.status("nodes")
    names = {each["name"] for each in status["machines"]}
    assert all(name.startswith("shop-") and len(name) == 11 for name in names)
    assert {name: labels[LABEL] for name, labels in site.nodes().items() if LABEL in labels} == dict.fromkeys(
        names, status["nodeLabel"]
    )
    assert [site.joins(name) for name in DIRECT] == [1, 1]
    until(lambda: site.tokens() == [], "all tokens are revoked")


def test_a_batch_is_added_through_a_node_behind_nat(site: Site) -> None:
    site.apply(
        "hidden",
        nodeNamePrefix="hidden",
        targetMachines=[site.ip(HIDDEN)],
        sshCredential="login-secret",
        proxyNode="edge1",
    )
    node = site.sandbox.node(HIDDEN)
    until(lambda: site.state("hidden", HIDDEN).get("state") == "joining", "it joins", 900)
    node.link(up=False)
    node.link(up=True)
    until(lambda: site.finished("hidden"), "the batch is added", 900)
    assert site.joins(HIDDEN) == 1
    until(lambda: site.tokens() == [], "all tokens are revoked")
    listed = ("-n", "edge-system", "get", "secrets", "-o", "name")
    until(lambda: "fleet-job-" not in site.kubectl(*listed).out, "the copy of the credential is deleted")


def test_a_machine_is_reinstalled_under_its_name(site: Site) -> None:
    name = site.state("nodes", DIRECT[0])["name"]
    before = site.nodes()[name][LABEL]
    site.apply("nodes", nodeNamesOverride={name: site.ip(DIRECT[0])}, sshCredential="password-secret")
    until(lambda: site.status("nodes").get("nodeLabel") != before, "the task begins")
    until(lambda: site.finished("nodes"), "it is reinstalled", 900)
    assert site.nodes()[name][LABEL] == site.status("nodes")["nodeLabel"] != before


def test_no_object_contains_a_secret(site: Site) -> None:
    for kind in ("nodetasks", "events", "configmaps", "jobs", "pods"):
        assert PASSWORD not in site.kubectl("get", kind, "-A", "-o", "yaml").out, kind
    for name in ("cp1", *DIRECT):
        found = site.sandbox.node(name).exec(
            ["sh", "-c", f"grep -rl {PASSWORD} /var/log /var/lib/edgeadm /var/lib/edgeadm-fleet || true"]
        )
        assert found.out == "", name


def test_detach_removes_everything(site: Site) -> None:
    site.cp1.exec(["edgeadm", "detach", "fleet"])
    assert site.kubectl("get", "crd", "nodetasks.nodetask.apps.superedge.io", check=False).code
    assert site.cp1.exec(["ls", "/var/lib/edgeadm-fleet"], check=False).code
    assert len([name for name in site.nodes() if name.startswith(("shop-", "hidden-"))]) == 3
