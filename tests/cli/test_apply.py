"""`edgeadm apply` and `edgeadm get cluster`: command lines on a fleet in memory."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from edgeadm.cli import root
from edgeadm.cli.outcome import run
from edgeadm.cli.session import World
from edgeadm.cluster.access import Access
from edgeadm.cluster.fake import FakeCluster
from edgeadm.errors import CommandError, UnreachableError
from edgeadm.fleet.errors import FleetLockedError
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.journal import LOCK, folder_of, held, runs_root
from edgeadm.fleet.model import Fleet, Machine
from edgeadm.fleet.run import Parts
from edgeadm.fleet.tokens import NoCluster
from edgeadm.fleet.work import OnEvent, Ticket
from edgeadm.hosts.base import Result
from edgeadm.hosts.ssh.target import Target
from tests.cli.world import Ended
from tests.fake_fleet import FakeAdmission, FakeDialer, FakeWork, Far, FarRemote

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: admin
contexts: [{name: admin, context: {cluster: k, user: admin}}]
clusters: [{name: k, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: Y2E=}}]
users: [{name: admin, user: {token: canary-of-the-admin}}]
"""
HEAD = "apiVersion: platform.tkestack.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
CLUSTER = (
    HEAD.format(kind="Cluster", name="shop")
    + "  type: Edge\n  machines:\n  - {ip: 10.0.0.1, password: Y2FuYXJ5LXBhc3N3b3Jk}\n"
    + "  properties: {maxNodePodNum: 64}\n"
)
EDGE = "---\n" + HEAD + "  clusterName: shop\n  type: Edge\n  ip: 10.0.0.{number}\n"
FIRST = "shop-10-0-0-1"


@dataclass
class InitWork(FakeWork):
    """Work that can create the cluster."""

    inits: list[str] = field(default_factory=list)
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    fleet: Fleet = field(default_factory=lambda: Fleet("none"))

    def join(self, remote: Any, machine: Machine, facts: Facts, ticket: Ticket, on_event: OnEvent) -> None:
        if ticket.ca_hash:
            super().join(remote, machine, facts, ticket, on_event)
            return
        remote.far.meet("init")
        self.inits.append(machine.name)
        self.documents = list(self.fleet.kubeadm_documents)
        remote.far.membership = Membership(machine.name, "sha256:ca", active=True, complete=True)
        self.cluster.ready[machine.name] = True


@dataclass
class AdminRemote(FarRemote):
    """A connection to a control plane."""

    def shell(self, script: str, *_args: Any, **_more: Any) -> Any:
        if "admin.conf" in script:
            return Result(out=KUBECONFIG if self.far.membership else "")
        return Result(out="[upload-certs] Using certificate key:\n" + "ab" * 32 + "\n")


class AdminDialer(FakeDialer):
    def dial(self, target: Target) -> Any:
        return AdminRemote(super().dial(target).far)


class Shop:
    """Machines, and the command line of their operator."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.state = folder / "cluster.yaml", folder / "state"
        monkeypatch.setenv("XDG_STATE_HOME", str(self.state))
        self.cluster = FakeAdmission()
        self.far = {f"10.0.0.{number}": Far() for number in range(1, 6)}
        self.dialer = AdminDialer(self.far)
        self.work = InitWork(self.cluster)
        self.api = FakeCluster()
        self.write(1, 2)

    def write(self, *edges: int, more: str = "") -> None:
        every = "".join(EDGE.format(kind="Machine", name=f"edge-{each}", number=each + 1) for each in edges)
        self.file.write_text(CLUSTER + more + every)

    def parts(self, fleet: Fleet, access: Access | None) -> Parts:
        self.work.fleet = fleet
        admission = NoCluster() if access is None else self.cluster
        return Parts(self.dialer, self.work, admission, lambda _known, _nodes: {})

    def run(self, *argv: str) -> Ended:
        world = World(cluster_of=lambda _kubeconfig: self.api, is_root=lambda: False, fleet=self.parts)
        with CliRunner().isolation() as (out, err, _):
            status = run(root, list(argv), obj=world)
            return Ended(status, out.getvalue().decode(), err.getvalue().decode())

    def apply(self, *words: str) -> Ended:
        return self.run("apply", "-f", str(self.file), *words)

    @property
    def folder(self) -> Path:
        return self.state / "edgeadm/clusters/shop"

    def joins(self) -> list[int]:
        return [each.joins for each in self.far.values()]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, monkeypatch)


def test_apply_creates_the_control_plane_then_joins_the_others(shop: Shop) -> None:
    ended = shop.apply()
    assert ended.status == 0, ended.err
    assert shop.work.inits == [FIRST]
    assert shop.joins() == [0, 1, 1, 0, 0]
    assert shop.work.documents[0]["maxPods"] == 64
    admin = shop.folder / "admin.conf"
    assert admin.read_text() == KUBECONFIG
    assert [stat.S_IMODE(path.stat().st_mode) for path in (admin, shop.folder)] == [0o600, 0o700]
    shown = ended.out + ended.err + (shop.folder / "cluster.json").read_text()
    assert "canary" not in shown


def test_a_second_apply_changes_nothing(shop: Shop) -> None:
    shop.apply()
    before = [each.shells for each in shop.far.values()]
    ended = shop.apply("-o", "json")
    assert ended.status == 0
    assert (shop.work.inits, shop.joins()) == ([FIRST], [0, 1, 1, 0, 0])
    assert [
        after - old for after, old in zip((each.shells for each in shop.far.values()), before, strict=True)
    ] == [
        1,
        1,
        1,
        0,
        0,
    ]
    document = json.loads(ended.out)
    assert [each["stage"] for each in document["stages"]] == ["machines"]


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    ended = shop.apply("--dry-run")
    assert ended.status == 0, ended.err
    assert (shop.work.inits, shop.joins()) == ([], [0] * 5)
    assert not shop.folder.exists()


def test_a_failed_control_plane_ends_the_run_and_is_continued(shop: Shop) -> None:
    shop.far["10.0.0.1"].faults["init"] = [CommandError("kubeadm failed")]
    assert shop.apply().status == 4
    assert shop.joins() == [0] * 5
    assert "Failed" in shop.run("get", "cluster").out
    assert shop.apply().status == 0
    assert shop.joins() == [0, 1, 1, 0, 0]


def test_further_control_planes_join_in_turn_before_the_others(shop: Shop) -> None:
    text = shop.file.read_text().replace(
        "  properties", "  - {ip: 10.0.0.4}\n  - {ip: 10.0.0.5}\n  properties"
    )
    shop.file.write_text(text)
    ended = shop.apply("-o", "json")
    assert ended.status == 0, ended.err
    stages = [each["stage"] for each in json.loads(ended.out)["stages"]]
    assert stages == [f"control plane shop-10-0-0-{number}" for number in (1, 4, 5)] + ["machines"]
    assert shop.joins() == [0, 1, 1, 1, 1]


def test_a_machine_that_left_the_document_is_reset_only_with_prune(shop: Shop) -> None:
    shop.apply()
    shop.write(1)
    ended = shop.apply()
    assert (ended.status, shop.far["10.0.0.3"].resets) == (0, 0)
    assert "edge-2" in ended.err
    assert shop.apply("--prune").status == 1, "a confirmation is required"
    assert shop.far["10.0.0.3"].resets == 0
    assert shop.apply("--prune", "--yes").status == 0
    assert shop.far["10.0.0.3"].resets == 1
    assert shop.cluster.deleted == ["edge-2"]
    assert "edge-2" not in shop.apply().err


def test_the_control_plane_of_another_cluster_is_refused(shop: Shop) -> None:
    shop.far["10.0.0.1"].membership = Membership(FIRST, "sha256:other", active=True, complete=True)
    shop.cluster.ready["another-node"] = True
    ended = shop.apply()
    assert ended.status == 3
    assert "fleet-not-this-cluster" in ended.err or "without a node" in ended.err
    assert shop.joins() == [0] * 5
    assert not (shop.folder / "admin.conf").exists()


def test_a_machine_that_is_not_reachable_is_exit_5(shop: Shop) -> None:
    shop.far["10.0.0.2"].faults["dial"] = [UnreachableError("no route")] * 20
    limits = "apiVersion: edgeadm.io/v1alpha1\nkind: NodeFleet\nmetadata: {name: shop}\n"
    shop.write(1, 2, more=f"---\n{limits}spec: {{limits: {{attempts: 1}}}}\n")
    ended = shop.apply()
    assert ended.status == 5, ended.err
    assert shop.joins() == [0, 0, 1, 0, 0]


def test_get_cluster_shows_the_state_of_the_api(shop: Shop) -> None:
    shop.apply()
    shop.api.objects[("v1", "Node", "", FIRST)] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": FIRST, "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
        },
    }
    ended = shop.run("get", "cluster")
    assert ended.status == 0
    head, row = (line.split() for line in ended.out.splitlines())
    assert head == ["NAME", "TYPE", "VERSION", "STATUS", "AGE"]
    assert row[:4] == ["shop", "Edge", "v1.37.2", "Running"]
    document = yaml.safe_load(shop.run("get", "cluster", "shop", "-o", "yaml").out)
    assert document["nodes"] == [
        {"name": FIRST, "ready": True, "roles": ["control-plane"], "version": "v1.37.2"}
    ]
    wide = shop.run("get", "cluster", "-o", "wide").out
    assert "10.0.0.1:6443" in wide
    assert shop.run("get", "cluster", "other").status == 3


def test_get_cluster_tells_that_the_api_does_not_answer(shop: Shop) -> None:
    shop.apply()
    shop.api.down = 10**6
    ended = shop.run("get", "cluster")
    assert (ended.status, "Unreachable" in ended.out) == (5, True)


def test_a_fleet_without_control_planes_joins_the_cluster_of_a_kubeconfig(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    fleet = "apiVersion: edgeadm.io/v1alpha1\nkind: NodeFleet\nmetadata: {name: tills}\nspec:\n"
    words = ("--kubeconfig", str(tmp_path / "kubeconfig"))
    shop.file.write_text(fleet + "  machines: [10.0.0.2, 10.0.0.3]\n")
    assert shop.apply(*words).status == 0
    assert (shop.work.inits, shop.joins()) == ([], [0, 1, 1, 0, 0])
    shop.file.write_text(fleet + "  machines: [10.0.0.2]\n")
    ended = shop.apply(*words, "--prune", "--yes")
    assert ended.status == 0, ended.err
    assert [each.resets for each in shop.far.values()] == [0, 0, 1, 0, 0]
    assert shop.run("get", "cluster").out == ""


def test_a_new_first_control_plane_joins_the_existing_cluster(shop: Shop) -> None:
    shop.apply()
    shop.file.write_text(shop.file.read_text().replace("  machines:\n", "  machines:\n  - {ip: 10.0.0.5}\n"))
    ended = shop.apply()
    assert ended.status == 0, ended.err
    assert (shop.work.inits, shop.joins()) == ([FIRST], [0, 1, 1, 0, 1])


def test_a_document_without_a_control_plane_of_its_cluster_is_refused(shop: Shop) -> None:
    shop.apply()
    shop.file.write_text(shop.file.read_text().replace("ip: 10.0.0.1,", "ip: 10.0.0.5,"))
    assert (shop.apply().status, shop.joins()) == (3, [0, 1, 1, 0, 0])


def test_an_apply_has_the_lock_of_its_cluster_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path, monkeypatch)
    lists, busy = shop.cluster.nodes, []

    def nodes() -> Any:
        # Between two stages, too.
        busy.append((folder_of("shop", runs_root()) / LOCK).exists())
        return lists()

    monkeypatch.setattr(shop.cluster, "nodes", nodes)
    assert shop.run("apply", "-f", str(shop.file)).status == 0
    assert busy
    assert all(busy)
    with held(folder_of("shop", runs_root()), "edgeadm nodes add"):
        ended = shop.run("apply", "-f", str(shop.file))
        assert "[fleet-locked]" in ended.err
        assert ended.status == FleetLockedError.exit_code
        assert shop.run("apply", "-f", str(shop.file), "--dry-run").status == 0
    assert shop.run("apply", "-f", str(shop.file)).status == 0
