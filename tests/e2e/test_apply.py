"""`edgeadm apply` with the Cluster document of TKE's design: one control plane and two edge nodes, from bare
hosts, logged in to by password."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgeadm.hosts import Result
from edgeadm.sandbox import Node, Sandbox
from tests.e2e.cluster import ADMIN, package_in
from tests.e2e.logins import allow_password

pytestmark = pytest.mark.e2e

NAME = "attlee-superedge"
PASSWORD = "site-Passw0rd"
# The example of the documentation, which is the document of the design, with the addresses of this sandbox.
EXAMPLE = Path(__file__).parents[2] / "docs/examples/superedge_edge.yaml"
FOLDER = "/root/clusters"
FILE = f"{FOLDER}/superedge_edge.yaml"
# The document of the design has no host keys.
APPLY = ("apply", "-f", FILE, "--host-key-policy", "accept-new")
KUBECONFIG = f"/root/.local/state/edgeadm/clusters/{NAME}/admin.conf"


@dataclass(frozen=True)
class Site:
    """Three bare hosts, and a fourth one from which they are operated."""

    sandbox: Sandbox

    @property
    def operator(self) -> Node:
        return self.sandbox.node("edge3")

    def edgeadm(self, *words: str, check: bool = True) -> Result:
        return self.operator.exec(["edgeadm", *words], check=check)

    def apply(self, *words: str) -> dict[str, Any]:
        ended = self.edgeadm(*APPLY, "-o", "json", *words)
        return dict(json.loads(ended.out))

    def nodes(self) -> dict[str, str]:
        """Node → its Ready condition."""
        words = [*ADMIN, "get", "nodes", "-o", "json"]
        items: list[dict[str, Any]] = json.loads(self.sandbox.node("cp1").exec(words).out)["items"]
        return {
            each["metadata"]["name"]: condition["status"]
            for each in items
            for condition in each["status"]["conditions"]
            if condition["type"] == "Ready"
        }


@pytest.fixture(scope="module")
def hosts(make_sandbox: Callable[..., Sandbox], package: Path) -> Site:
    sandbox = make_sandbox(control_planes=1, edges=3, package=package)
    text = EXAMPLE.read_text(encoding="utf-8")
    for number, name in ((98, "cp1"), (99, "edge1"), (100, "edge2")):
        node = sandbox.node(name)
        text = text.replace(f"10.0.200.{number}\n", f"{node.ip}\n")
        allow_password(node, PASSWORD)
    text = text.replace("UGFzc3dvcmQ=", base64.b64encode(PASSWORD.encode()).decode())
    operator = sandbox.node("edge3")
    text = text.replace("packages/kube-linux-amd64.tar.zst", package_in(operator))
    operator.write(FILE, text, 0o600)
    # The machine of the NodeFleet has no password: its login is that of ssh.
    key = sandbox.store.folder(sandbox.name) / "ssh/id_ed25519"
    operator.write("/root/.ssh/id_ed25519", key.read_bytes(), 0o600)
    return Site(sandbox)


def test_a_host_with_an_unknown_key_is_not_logged_in_to(hosts: Site) -> None:
    ended = hosts.edgeadm("apply", "-f", FILE, "--dry-run", check=False)
    assert (ended.code, "ssh-host-key-unknown" in ended.err) == (5, True), ended


def test_a_dry_run_names_the_changes_and_makes_none(hosts: Site) -> None:
    ended = hosts.edgeadm(*APPLY, "--dry-run")
    assert "edge-1" in ended.out + ended.err
    assert hosts.sandbox.node("cp1").exec(["test", "-e", "/etc/kubernetes/admin.conf"], check=False).code == 1


def test_the_document_becomes_a_running_cluster(hosts: Site) -> None:
    ended = hosts.edgeadm(*APPLY)
    for warned in ("containerRuntime", "1.20.6-tke.2", "tenantID", "EnsureCilium", "v0.8.0"):
        assert warned in ended.err, ended.err
    first = f"{NAME}-{hosts.sandbox.node('cp1').ip.replace('.', '-')}"
    assert hosts.nodes() == dict.fromkeys((first, "edge-1", "edge-2"), "True")
    shown = hosts.edgeadm("get", "cluster").out.splitlines()
    assert shown[0].split()[:4] == ["NAME", "TYPE", "VERSION", "STATUS"]
    assert [shown[1].split()[each] for each in (0, 1, 3)] == [NAME, "Edge", "Running"]
    assert hosts.operator.exec(["stat", "-c", "%a", KUBECONFIG]).out.strip() == "600"


def test_a_second_run_changes_nothing(hosts: Site) -> None:
    before = hosts.nodes()
    found = hosts.apply()
    assert {each["change"] for stage in found["stages"] for each in stage["machines"]} == {"nothing"}
    assert hosts.nodes() == before


def test_the_password_is_in_no_file_of_the_machines_and_of_the_operator(hosts: Site) -> None:
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    words = [
        "grep",
        "-rlsE",
        f"{PASSWORD}|{encoded}",
        "/etc",
        "/var/log",
        "/var/lib/edgeadm",
        "/root",
        "/run",
    ]
    for name in ("cp1", "edge1", "edge2", "edge3"):
        found = hosts.sandbox.node(name).exec(words, check=False).out.split()
        assert found == ([FILE] if name == "edge3" else []), name


def test_a_machine_that_the_document_lost_is_reset_with_prune_only(hosts: Site) -> None:
    text = hosts.operator.read(FILE).decode()
    shorter = text.replace(text[text.index("# Edge nodes") : text.index("# … or machines")], "")
    hosts.operator.write(FILE, shorter, 0o600)
    hosts.apply()
    assert "edge-1" in hosts.nodes()
    hosts.apply("--prune", "--yes")
    assert set(hosts.nodes()) & {"edge-1", "edge-2"} == {"edge-2"}
    for path in ("/etc/kubernetes/kubelet.conf", "/var/lib/edgeadm", "/var/lib/edgeadm-fleet"):
        assert hosts.sandbox.node("edge1").exec(["test", "-e", path], check=False).code == 1, path
