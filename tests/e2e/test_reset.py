"""`edgeadm reset` and `edgeadm token` on a real host, which is in its previous state afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from edgeadm.sandbox import Node
from tests.e2e.cluster import KUBECTL
from tests.e2e.killing import kill_at, ran
from tests.e2e.snapshot import changed, snapshot

pytestmark = pytest.mark.e2e
NETWORK = ("--pod-network-cidr", "192.168.0.0/16")
PATIENCE = 600.0  # seconds after which a reset counts as hung, with any component dead
# Without the journal, the previous state of these is unknown: they are kept as they are.
UNKNOWN_WITHOUT_THE_JOURNAL = ("sysctls: ", "rules: ", "files: gone: /var/lib/containerd ")
# The directory existed and was empty; its mode is the runtime's now.
RUNTIME_FOLDER = "files: new: /var/lib/containerd 7"


@pytest.fixture(scope="module")
def node(make_sandbox: Callable[..., object], package: Path) -> Node:
    return make_sandbox(control_planes=1, package=package).node("cp1")  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="module")
def bare(node: Node) -> dict[str, list[str]]:
    """A snapshot of the host before any change, with its own rules, which must be kept."""
    node.exec(["iptables", "-A", "INPUT", "-s", "198.51.100.7/32", "-j", "DROP"])
    node.write("/opt/cni/bin/users-own", "#!/bin/sh\n", 0o755)
    return snapshot(node)


def init_words(node: Node) -> list[str]:
    path = node.exec(["sh", "-c", "ls /mnt/package/*.tar.zst"]).out.strip()
    return ["edgeadm", "init", "--install-pkg-path", path, *NETWORK]


def reset(node: Node, *args: str) -> Result:
    return node.exec(["edgeadm", "reset", "-f", *args], timeout=PATIENCE)


def init(node: Node) -> None:
    node.exec(init_words(node))


def test_tokens_are_made_listed_used_in_a_join_command_and_deleted(
    node: Node, bare: dict[str, list[str]]
) -> None:
    init(node)
    made = node.exec(["edgeadm", "token", "create", "--print-join-command", "--ttl", "2h"]).out
    assert made.count("\n") == 1
    assert made.startswith(f"edgeadm join {node.ip}:6443 --token ")
    token = made.split()[4]
    theirs = node.exec(["kubeadm", "token", "create", "--print-join-command"]).out
    assert made.split()[6] == theirs.split()[6], "kubeadm computes the same hash"
    listed = {each["token"]: each for each in json.loads(kubeadm_or_edgeadm(node, "edgeadm").out)}
    assert listed[token]["groups"] == ["system:bootstrappers:kubeadm:default-node-token"]
    assert token in kubeadm_or_edgeadm(node, "kubeadm").out, "kubeadm reads what edgeadm wrote"
    server = ["--server", f"https://{node.ip}:6443", "--insecure-skip-tls-verify"]
    assert '"APIVersions"' in node.exec([*KUBECTL, *server, "--token", token, "get", "--raw", "/api"]).out
    node.exec(["edgeadm", "token", "delete", token])
    assert token not in kubeadm_or_edgeadm(node, "kubeadm").out
    gone = node.exec(["edgeadm", "token", "delete", token], check=False)
    assert (gone.code, "[no-such-token]" in gone.err) == (1, True)


def kubeadm_or_edgeadm(node: Node, program: str) -> Result:
    more = ["--kubeconfig", "/etc/kubernetes/admin.conf"] if program == "kubeadm" else []
    return node.exec([program, "token", "list", "-o", "json", *more])


def test_plan_dry_run_and_a_missing_yes_change_nothing(node: Node, bare: dict[str, list[str]]) -> None:
    before = node.exec(["find", "/etc", "/usr/bin", "/opt", "-newermt", "-2 seconds"]).out
    rows = json.loads(node.exec(["edgeadm", "reset", "plan", "-o", "json"]).out)["phases"]
    assert all(row["needed"] for row in rows if row["phase"] != "images")
    changes = json.loads(node.exec(["edgeadm", "reset", "--dry-run", "-o", "json"]).out)["changes"]
    assert any(change.startswith("run timeout 120 kubeadm reset --force") for change in changes)
    refused = node.exec(["edgeadm", "reset"], check=False)
    assert (refused.code, "[unconfirmed]" in refused.err) == (1, True)
    assert node.exec(["find", "/etc", "/usr/bin", "/opt", "-newermt", "-2 seconds"]).out in (before, "")
    assert node.exec([*KUBECTL, "--kubeconfig", "/etc/kubernetes/admin.conf", "get", "node", "cp1"]).code == 0


def test_after_reset_the_machine_is_as_before_init(node: Node, bare: dict[str, list[str]]) -> None:
    ended = json.loads(reset(node, "-o", "json").out)
    assert [each["what"] for each in ended["residue"]] == ["/opt/cni/bin"]
    assert changed(bare, node) == []


def test_a_second_reset_has_nothing_to_do(node: Node, bare: dict[str, list[str]]) -> None:
    assert "nothing to do" in reset(node).err
    assert changed(bare, node) == []


# Where init is killed.
KILLS: dict[str, Callable[[Node], bool]] = {
    "while it imports images": lambda node: ran(node, "images import") > 0,
    "when kubeadm waits for the control plane": lambda node: (
        node.root / "etc/kubernetes/manifests/etcd.yaml"
    ).exists(),
}


@pytest.mark.parametrize("where", KILLS)
def test_init_killed_in_the_middle_is_taken_back(node: Node, bare: dict[str, list[str]], where: str) -> None:
    kill_at(node, init_words(node), where, lambda: KILLS[where](node))
    reset(node)
    assert changed(bare, node) == []


def test_with_kubelet_containerd_and_the_api_dead(node: Node, bare: dict[str, list[str]]) -> None:
    init(node)
    kill = "pkill -9 -x kubelet; pkill -9 -x kube-apiserver; pkill -9 -x etcd; pkill -9 -x containerd"
    node.exec(["sh", "-c", f"systemctl mask --runtime kubelet containerd; {kill}; true"])
    node.exec(["systemctl", "unmask", "--runtime", "kubelet", "containerd"])
    reset(node)
    assert changed(bare, node) == []


def test_without_the_journal_it_goes_by_what_it_knows_and_warns(
    node: Node, bare: dict[str, list[str]]
) -> None:
    init(node)
    node.exec(["rm", "/var/lib/edgeadm/journal.jsonl"])
    ended = reset(node)
    assert "warning: the journal is missing" in ended.err
    left = changed(bare, node)
    known = (*UNKNOWN_WITHOUT_THE_JOURNAL, RUNTIME_FOLDER)
    assert [line for line in left if not line.startswith(known)] == []
    rules = node.exec(["iptables-save"]).out
    assert "KUBE-" not in rules
    assert "198.51.100.7" in rules
