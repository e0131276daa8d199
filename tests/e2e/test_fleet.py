"""`edgeadm nodes` on bare hosts: two behind a jump host, one without power, one with another host key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from edgeadm.sandbox import Node, Sandbox
from tests.e2e.cluster import Cluster, cluster_of
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

COUNT = 8
JUMP, BEHIND, DEAD, CHANGED = "edge1", ("edge7", "edge8"), "edge5", "edge6"
GOOD = ("edge1", "edge2", "edge3", "edge4", *BEHIND)
FOLDER = "/root/fleet"
FIRST = ["edgeadm", "nodes", "add", "-f", f"{FOLDER}/fleet.yaml"]


@dataclass(frozen=True)
class Ended:
    """A run of `edgeadm nodes add` on cp1: exit status and the document of `-o json`."""

    status: int
    document: Mapping[str, Any]

    def machines(self, key: str) -> dict[str, Any]:
        """A field of each machine that the run touched."""
        return {each["machine"]: each.get(key) for each in self.document["machines"]}


@dataclass(frozen=True)
class Shops:
    """The fleet, and the control plane from which it is operated."""

    cluster: Cluster

    def add(self, *words: str) -> Ended:
        ended = self.cluster.cp1.exec([*FIRST, "-o", "json", *words], check=False)
        return Ended(ended.code, json.loads(ended.out or "{}"))

    def ready(self) -> set[str]:
        """The edge nodes that are Ready in the cluster."""
        nodes = json.loads(self.cluster.kubectl("get", "nodes", "-o", "json"))["items"]
        return {
            each["metadata"]["name"]
            for each in nodes
            for condition in each["status"]["conditions"]
            if (condition["type"], condition["status"]) == ("Ready", "True")
        } - {"cp1"}

    def tokens(self) -> list[str]:
        """The descriptions of tokens of fleets."""
        every = json.loads(self.cluster.cp1.exec(["edgeadm", "token", "list", "-o", "json"]).out)
        return [each["description"] for each in every if "fleet" in each["description"]]


def host_key(node: Node) -> str:
    words = node.read("/etc/ssh/ssh_host_ed25519_key.pub").decode().split()
    return f"{node.ip} {words[0]} {words[1]}"


def document(cluster: Cluster) -> str:
    """The NodeFleet of all hosts; two of them are behind a jump host."""

    def of(name: str) -> dict[str, Any]:
        described: dict[str, Any] = {"name": name, "address": cluster.node(name).ip}
        if name in BEHIND:
            described["via"] = [f"root@{cluster.node(JUMP).ip}"]
        return described

    login = {"user": "root", "key": f"{FOLDER}/key", "knownHosts": [f"{FOLDER}/known_hosts"]}
    spec = {
        "packages": {"amd64": cluster.package},
        "cluster": {"endpoint": f"{cluster.cp1.ip}:6443"},
        "limits": {"concurrency": 4},
        "defaults": {"ssh": login},
        "machines": [of(f"edge{number}") for number in range(1, COUNT + 1)],
    }
    kind = {"apiVersion": "edgeadm.io/v1alpha1", "kind": "NodeFleet", "metadata": {"name": "shops"}}
    return str(yaml.safe_dump({**kind, "spec": spec}))


@pytest.fixture(scope="module")
def shops(begin: Callable[..., Sandbox]) -> Shops:
    sandbox = begin(edges=COUNT)
    cluster = cluster_of(sandbox)
    cp1 = cluster.cp1
    keys = [host_key(cluster.node(f"edge{number}")) for number in range(1, COUNT + 1)]
    changed = cluster.node(CHANGED)
    changed.exec(["sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh"])
    for name in BEHIND:
        # Only the jump host reaches them, and the API server, to which they connect themselves.
        rule = ["iptables", "-I", "INPUT", "-p", "tcp", "--dport", "22", "!", "-s", cluster.node(JUMP).ip]
        cluster.node(name).exec([*rule, "-j", "DROP"])
    cluster.node(DEAD).power_cut()
    cp1.write(f"{FOLDER}/fleet.yaml", document(cluster), 0o600)
    cp1.write(f"{FOLDER}/known_hosts", "\n".join(keys) + "\n", 0o600)
    cp1.write(f"{FOLDER}/key", (sandbox.store.folder(sandbox.name) / "ssh/id_ed25519").read_bytes(), 0o600)
    return Shops(cluster)


def test_six_of_eight_join_and_the_causes_are_named(shops: Shops) -> None:
    ended = shops.add()
    assert ended.status == 5, ended.document
    states = ended.machines("state")
    assert {name for name, state in states.items() if state == "ready"} == set(GOOD)
    assert {name for name, state in states.items() if state == "waiting"} == {DEAD, CHANGED}
    codes = ended.machines("code")
    assert codes[CHANGED] == "ssh-host-key-changed"
    assert codes[DEAD] in ("ssh-no-route", "ssh-timeout")
    assert shops.ready() == set(GOOD)
    assert {each: ended.machines("shells")[each] for each in GOOD} == dict.fromkeys(GOOD, 3)
    assert shops.tokens() == []


def test_the_host_that_has_power_again_is_joined_by_resume(shops: Shops) -> None:
    shops.cluster.node(DEAD).power_on(shops.cluster.sandbox.package_folder)
    shops.cluster.node(DEAD).wait_ready()
    ended = shops.add("--resume")
    assert ended.status == 5, ended.document
    assert ended.machines("state") == {DEAD: "ready", CHANGED: "waiting"}
    assert set(ended.document["done"]) == set(GOOD)
    assert shops.ready() == {*GOOD, DEAD}


def test_the_new_host_key_is_accepted_once_by_name(shops: Shops) -> None:
    ended = shops.add("--resume", "--reinstalled", CHANGED)
    assert (ended.status, ended.machines("state")) == (0, {CHANGED: "ready"}), ended.document
    until(lambda: shops.ready() == {*GOOD, DEAD, CHANGED}, "all are ready")


def test_a_converged_fleet_takes_one_shell_and_no_bytes(shops: Shops) -> None:
    ended = shops.add()
    assert ended.status == 0, ended.document
    every = {*GOOD, DEAD, CHANGED}
    assert ended.machines("change") == dict.fromkeys(every, "nothing")
    assert ended.machines("shells") == dict.fromkeys(every, 1)
    assert (ended.document["wanBytes"], ended.document["lanBytes"]) == (0, 0)
    assert shops.tokens() == []
