"""A cluster in memory with NodeTasks, their machines, and the controller that installs them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeadm.apps import fleet as names
from edgeadm.cluster.fake import FakeStore
from edgeadm.fleet.controller.direct import Direct
from edgeadm.fleet.controller.loop import Loop
from edgeadm.fleet.controller.notes import Notes
from edgeadm.fleet.controller.proxied import Proxied
from edgeadm.fleet.engine import Engine
from edgeadm.fleet.events import FleetReport
from edgeadm.fleet.journal import Unrecorded
from edgeadm.fleet.messages import Progress
from edgeadm.fleet.model import Fleet
from edgeadm.fleet.progress import Goal, MachineRun
from edgeadm.fleet.revocation import Token
from edgeadm.fleet.steps import Steps
from edgeadm.fleet.tokens import Admission
from edgeadm.hosts.ssh.target import Target
from tests.fake_fleet import FakeDialer, FakeWork, Far, Inline, PowerCutError, Time

CANARY = "canary-password"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
CLUSTER_INFO = "apiVersion: v1\nclusters:\n- name: ''\n  cluster: {server: 'https://10.0.0.1:6443'}\n"


class StoredCluster:
    """The cluster as machines see it: valid tokens, and Nodes that they register."""

    def __init__(self, store: FakeStore, label: str) -> None:
        self.store, self.label = store, label

    @property
    def tokens(self) -> dict[str, str]:
        return dict.fromkeys(token_ids(self.store), "")

    @property
    def ready(self) -> StoredCluster:
        return self

    def setdefault(self, name: str, _ready: bool) -> None:
        """The kubelet of a machine registers its Node with the label of the task."""
        self.store.objects.setdefault(("v1", "Node", "", name), node(name, self.label))


@dataclass
class MortalDialer(FakeDialer):
    """Connections of a process that may have been killed."""

    dead: bool = False

    def dial(self, target: Target) -> Any:
        if self.dead:
            raise PowerCutError
        return super().dial(target)


@dataclass
class Site:
    """Machines by address, the API, and the writes of the controller. `cut` is the number of the write before
    which the controller is killed."""

    folder: Path
    far: dict[str, Far] = field(default_factory=dict)
    store: FakeStore = field(default_factory=FakeStore)
    time: Time = field(default_factory=Time)
    cut: int = 0
    writes: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    dialer: MortalDialer = field(init=False)
    leader: bool = True

    def __post_init__(self) -> None:
        self.dialer = MortalDialer(self.far)
        self.store.on_write = self._on_write
        self.store.objects["v1", "ConfigMap", "kube-public", "cluster-info"] = {
            "data": {"kubeconfig": CLUSTER_INFO}
        }
        self.put_secret("login-secret", passwd=CANARY + "\n")
        (self.folder / "kubernetes-amd64-v1.37.2-0123.tar.zst").touch()

    def put_secret(self, name: str, **fields: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in fields.items()}
        self.store.objects["v1", "Secret", "edge-system", name] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "edge-system"},
            "data": data,
        }

    def _on_write(self, verb: str, obj: Mapping[str, Any]) -> None:
        if self.dialer.dead:
            raise PowerCutError
        self.writes.append(f"{verb} {obj['kind']}/{obj['metadata'].get('name', '')}")
        if self.cut and len(self.writes) == self.cut:
            self.dialer.dead = True
            raise PowerCutError

    def task(self, name: str = "nodes", **spec: Any) -> None:
        """`kubectl apply` of a NodeTask."""
        key = (names.API, names.KIND, "", name)
        number = len(self.store.objects)
        meta = {"name": name, "creationTimestamp": f"2026-01-01T00:00:{number:02d}Z"}
        obj = {"apiVersion": names.API, "kind": names.KIND, "metadata": meta, "spec": spec}
        quiet, self.store.on_write = self.store.on_write, lambda _verb, _obj: None
        if key in self.store.objects:
            there = self.store.objects[key]
            self.store.replace({**there, "spec": spec})
        else:
            self.store.create(obj)
        self.store.on_write = quiet
        for address in [*spec.get("targetMachines", ()), *(spec.get("nodeNamesOverride") or {}).values()]:
            self.far.setdefault(address, Far())

    def status(self, name: str = "nodes") -> dict[str, Any]:
        found: dict[str, Any] = self.store.objects[names.API, names.KIND, "", name].get("status") or {}
        return found

    def state(self, address: str, name: str = "nodes") -> dict[str, Any]:
        """The machine with this address in the status."""
        machines: list[dict[str, Any]] = self.status(name)["machines"]
        return next(each for each in machines if each["address"] == address)

    def make(
        self, fleet: Fleet, tokens: Sequence[Token], admission: Admission, report: FleetReport
    ) -> Engine:
        assert fleet.mark is not None
        cluster: Any = StoredCluster(self.store, fleet.mark[1])

        def tell(*words: str) -> None:
            self.time.put(Progress(*words))

        steps = Steps(self.dialer, FakeWork(cluster), admission, Unrecorded(), "run", tell, Goal.ADD)
        runs = [MachineRun(each) for each in fleet.machines]
        engine = Engine(
            Goal.ADD,
            runs,
            fleet.limits,
            steps,
            lambda _known, _nodes: {},
            Unrecorded(),
            report,
            self.time.clock,
            Inline(),
            self.time,
        )
        engine.revocations.adopt(tokens, [each.name for each in fleet.machines])
        return engine

    def controller(self) -> Loop:
        """A new process of the controller."""
        self.dialer.dead = False

        def holds() -> bool:
            return self.leader

        direct = Direct(
            self.store, self.folder, self.folder, "sha256:ca", holds, self.make, self.said.append, Inline()
        )
        proxied = Proxied(self.store, "image:v1", "sha256:ca", "/proxy", holds, list)
        notes = Notes(self.store, "replica-1", self.said.append)
        return Loop(self.store, direct, proxied, notes, holds, lambda: self.time.seconds)

    def rounds(self, loop: Loop, count: int = 6, seconds: float = 1000.0) -> None:
        """So many rounds, with so much time between them."""
        for _ in range(count):
            loop.step()
            self.time.seconds += seconds

    def everything(self) -> Iterator[str]:
        """All that users without the permission to read Secrets can read."""
        for key, obj in self.store.objects.items():
            if key[1] != "Secret":
                yield str(obj)
        yield from self.said


def node(name: str, label: str = "") -> dict[str, Any]:
    """A Node that is Ready."""
    labels = {names.NODE_LABEL: label} if label else {}
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": dict(READY)}


def token_ids(store: FakeStore) -> list[str]:
    """The IDs of the bootstrap tokens that are valid."""
    start = "bootstrap-token-"
    return [
        name.removeprefix(start)
        for _, kind, namespace, name in store.objects
        if kind == "Secret" and namespace == "kube-system"
    ]
