"""An edge node in memory, for drills: its packet filter, its timer, its containers and their cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgeadm.drill.probes import Probes
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.node.lite_files import AUTHORITY, LOCAL
from edgeadm.node.membership import FACTS, ClusterFacts
from edgeadm.node.state import KUBELET_CONF
from edgeadm.node.units import LITE_APISERVER_FILE
from tests.certificates import authority
from tests.machine import Machine

NFT = "/usr/lib/edgeadm/edge/nft"
TIMER = "edgeadm-drill-lift"
KNOWN = ClusterFacts(
    "https://10.0.0.11:6443",
    "CA",
    "v1.34.4",
    "10.96.0.1",
    "cluster.local",
    "169.254.20.11",
    edge_dns=True,
)
CLOCK = 1790000000  # what the machine's `date` says
Happening = Callable[["EdgeNode"], None]


@dataclass
class EdgeNode:
    """`at` has what happens once so many seconds have passed since the start."""

    machine: Machine
    now: float = 0.0
    table: str = ""
    timer: tuple[str, ...] = ()
    pods: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"default/web": {"POD": "s1", "web": "c1"}, "kube-system/proxy": {"p": "c2"}}
    )
    addresses: dict[str, str] = field(default_factory=lambda: {"default/web": "10.244.1.5"})
    wanted: list[dict[str, Any]] | None = None
    silent: set[str] = field(default_factory=set)
    runtime: bool = True
    leaks: bool = False  # whether the API server is reached in spite of the block
    online: bool = True
    at: dict[float, Happening] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    @property
    def host(self) -> FakeHost:
        return self.machine.host

    def probes(self) -> Probes:
        """The network and the clock of this node."""
        return Probes(self._connects, self._lite, self._dns, lambda: self.now, self._sleep)

    def fire(self) -> None:
        """The timer fires."""
        self.table, self.timer = "", ()

    def _sleep(self, seconds: float) -> None:
        end = self.now + seconds
        for moment in sorted(each for each in self.at if each <= end):
            self.now = moment
            self.at.pop(moment)(self)
        self.now = end

    def _connects(self, address: str, port: int) -> bool:
        if (address, port) == ("10.96.0.1", 443):
            return "service" not in self.silent
        assert port == 6443, (address, port)
        return self.online and (self.leaks or f"daddr {address} tcp dport 6443" not in self.table)

    def _lite(self, server: str, ca: bytes) -> bool:
        assert (server, ca) == ("https://169.254.20.11:51003", authority()[0])
        return "lite" not in self.silent

    def _dns(self, server: str, name: str) -> list[str]:
        assert (server, name) == ("169.254.20.11", "kubernetes.default.svc.cluster.local")
        return [] if "dns" in self.silent else ["10.96.0.1"]

    def _nft_list(self, _host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        assert argv[1:] == ("list", "table", "inet", "edgeadm-drill")
        return Result(out=self.table) if self.table else Result(code=1, err="No such file or directory")

    def _nft_load(self, _host: FakeHost, argv: tuple[str, ...], stdin: bytes) -> Result:
        assert argv[1:] == ("-f", "-")
        self.events.append("block")
        self.table = stdin.decode()
        return Result()

    def _nft_delete(self, _host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        self.events.append("lift")
        self.table = ""
        return Result()

    def _set_timer(self, _host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        self.events.append("timer")
        self.timer = argv
        return Result()

    def _timer_there(self, _host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        return Result(code=0 if self.timer else 3)

    def _stop_timer(self, _host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        self.events.append("stop timer")
        self.timer = ()
        return Result()

    def _tasks(self, _host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        if not self.runtime:
            return Result(code=1, err="connection refused")
        ids = [each for pod in self.pods.values() for each in pod.values()]
        lines = ["TASK PID STATUS", *(f"{each} 12 RUNNING" for each in ids), "old 0 STOPPED"]
        return Result(out="\n".join(lines))

    def _info(self, _host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        for pod, containers in self.pods.items():
            for name, each in containers.items():
                if each == argv[-1]:
                    namespace, _, pod_name = pod.partition("/")
                    words = {"pod.namespace": namespace, "pod.name": pod_name}
                    words |= {} if name == "POD" else {"container.name": name}
                    labels = {f"io.kubernetes.{key}": value for key, value in words.items()}
                    return Result(out=json.dumps({"ID": each, "Labels": labels}))
        return Result(code=1)

    def _records(self, _host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        found = []
        for pod, address in self.addresses.items():
            namespace, _, name = pod.partition("/")
            found.append({"namespace": namespace, "pod": name, "addresses": [address], "state": "live"})
        return Result(code=1, out=json.dumps({"records": found, "problems": [{"file": "x"}]}))

    def _wanted(self, _host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        if self.wanted is None:
            return Result(code=2, err="unknown verb")
        return Result(out=json.dumps({"pods": self.wanted, "entry": "x", "ageSeconds": 3}))


def edge_node(folder: Path, known: ClusterFacts = KNOWN) -> EdgeNode:
    """A machine that has joined as an edge node, with two Pods."""
    machine = Machine(folder, role="edge")
    node = EdgeNode(machine)
    server = b"clusters: [{cluster: {server: 'https://169.254.20.11:51003'}}]\n"
    machine.host.files |= {
        FACTS: known.text(),
        LOCAL: server,
        AUTHORITY: authority()[0],
        LITE_APISERVER_FILE: b"[Unit]\n",
        KUBELET_CONF: b"",
        NFT: b"",
    }
    machine.host.answers |= {
        f"{NFT} list table": node._nft_list,
        f"{NFT} -f": node._nft_load,
        f"{NFT} delete table": node._nft_delete,
        "systemd-run": node._set_timer,
        f"systemctl is-active --quiet {TIMER}.timer": node._timer_there,
        f"systemctl stop {TIMER}.timer": node._stop_timer,
        "ctr --namespace k8s.io tasks ls": node._tasks,
        "ctr --namespace k8s.io containers info": node._info,
        "/usr/bin/edgeadm-node addresses": node._records,
        "/usr/bin/edgeadm-node pods": node._wanted,
        "getent ahosts": Result(code=2),
    }
    return node


def stamp(seconds: int) -> str:
    """The machine's clock so many seconds after the start, as the table says it."""
    return datetime.fromtimestamp(CLOCK + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
