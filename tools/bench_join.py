"""`edgeadm join` of an edge node compared with the manual steps, and from a bare host; prints JSON.

One cluster, new edge nodes. Each round first joins a bare node with the package until it is Ready. Then it
uses two nodes with installed programs, containerd and images: `edgeadm join` on one, `join_by_hand.sh` on
the other, in alternating order, both until the node is Ready. The manual join excludes discovery, key and
request: the CA and the files were copied before. Quote the ratio: absolute times vary, and both figures are
of the same round. The phase `warm-up` is not measured. Usage: bench_join.py [ROUNDS] (root)."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgeadm import pki
from edgeadm.node import lite_files
from edgeadm.package.builder import default_kubernetes
from edgeadm.package.builder.build import cached_package
from edgeadm.sandbox import Node, Sandbox, supplies
from edgeadm.sandbox.teardown import down

VERSION = default_kubernetes()
TOKEN = pki.new_token()
GOALS = {"joinSeconds": 2.0, "ratio": 1.5, "bareSeconds": 25.0}
UNTIL_READY = "--skip-phases=warm-up"
LATER = f"{UNTIL_READY},kubelet,cni,edge,recover,kubeadm"
HAND = "/opt/by-hand"
SCRIPT = Path(__file__).with_name("join_by_hand.sh")
# Files that were prepared for the manual join: the same as edgeadm's.
FILES = (
    "/etc/cni/net.d/10-flannel.conflist",
    "/etc/kubernetes/edge/ca.crt",
    "/etc/kubernetes/edge/tls.json",
    "/etc/systemd/system/edgeadm-keep.service",
    "/etc/systemd/system/edgeadm-nic.service",
    "/etc/systemd/system/edgeadm-repair.service",
    "/etc/systemd/system/kubelet.service",
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "/etc/systemd/system/lite-apiserver.service",
)


def say(text: str) -> None:
    print(text, file=sys.stderr)


@dataclass(frozen=True)
class Cluster:
    """A control plane that waits for nodes."""

    sandbox: Sandbox
    package: str
    pin: str

    @property
    def api(self) -> str:
        return f"{self.sandbox.node('cp1').ip}:6443"

    def join(self, *more: str) -> list[str]:
        """The command that joins a node."""
        ticket = [self.api, "--token", TOKEN, "--discovery-token-ca-cert-hash", self.pin]
        return ["edgeadm", "join", *ticket, "--install-pkg-path", self.package, *more]


@contextmanager
def cluster(nodes: int) -> Iterator[Cluster]:
    """A control plane, and that many bare edge nodes."""
    supplies.ensure_tools(say)
    executable, package = supplies.executable(say), cached_package(VERSION, say=say)
    sandbox = Sandbox(f"bench-{os.getpid()}")
    try:
        sandbox.up(1, edges=nodes, package=package, executable=executable, say=say)
        inside = f"/mnt/package/{package.name}"
        init = ["edgeadm", "init", "--install-pkg-path", inside, "--token", TOKEN]
        done = sandbox.node("cp1").exec([*init, "--pod-network-cidr=192.168.0.0/16"])
        yield Cluster(sandbox, inside, re.findall(r"sha256:[0-9a-f]{64}", done.out)[0])
    finally:
        down(sandbox)


def timed(node: Node, argv: list[str]) -> tuple[float, str]:
    """Wall seconds of one command, and its output."""
    start = time.monotonic()
    out = node.exec(argv).out
    return time.monotonic() - start, out


def hand_over(node: Node, files: dict[str, bytes]) -> None:
    """Everything that a person would have ready before they begin."""
    key = pki.new_key()
    request = pki.new_request(
        key,
        common_name=f"system:node:{node.name}",
        organization="system:nodes",
        addresses=lite_files.addresses("169.254.20.11", "10.96.0.1"),
        names=lite_files.names("cluster.local"),
    )
    spec = {
        "request": pki.encoded(request),
        "signerName": "kubernetes.io/kubelet-serving",
        "usages": ["digital signature", "key encipherment", "server auth"],
    }
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    named = {"metadata": {"name": f"by-hand-{node.name}"}}
    node.write(f"{HAND}/request.yaml", yaml.safe_dump(kind | named | {"spec": spec}))
    for path, data in files.items():
        node.write(f"{HAND}/files{path}", data)
    node.write(f"{HAND}/files{lite_files.PAIR}", key, 0o600)
    ca = files["/etc/kubernetes/edge/ca.crt"]
    node.write(f"{HAND}/ca.crt", ca)
    node.write(f"{HAND}/bootstrap.conf", kubeconfig(ca), 0o600)
    node.write(f"{HAND}/join.yaml", yaml.safe_dump(join_configuration(node)), 0o600)
    node.send(SCRIPT, f"{HAND}/join_by_hand.sh")


def kubeconfig(ca: bytes) -> str:
    """Where kubeadm finds the API: behind lite-apiserver."""
    where = {"server": "https://169.254.20.11:51003", "certificate-authority-data": pki.encoded(ca)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kubernetes", "cluster": where}],
            "contexts": [{"name": "join", "context": {"cluster": "kubernetes", "user": "join"}}],
            "users": [{"name": "join", "user": {"token": str(TOKEN)}}],
            "current-context": "join",
        }
    )


def join_configuration(node: Node) -> dict[str, Any]:
    """What kubeadm is told by hand."""
    labels = f"superedge.io/node-edge=enable,superedge.io.hostname={node.name}"
    arguments = [{"name": "node-ip", "value": node.ip}, {"name": "node-labels", "value": labels}]
    socket = "unix:///run/containerd/containerd.sock"
    return {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": {
            "file": {"kubeConfigPath": f"{HAND}/bootstrap.conf"},
            "tlsBootstrapToken": str(TOKEN),
        },
        "nodeRegistration": {"criSocket": socket, "kubeletExtraArgs": arguments},
    }


def one_round(cluster: Cluster, number: int) -> dict[str, Any]:
    """Seconds of all three. Nodes go off when their figure is taken: the next one has the machine."""
    bare, ours, theirs = (cluster.sandbox.node(f"edge{3 * number - left}") for left in (2, 1, 0))
    from_bare, _ = timed(bare, cluster.join(UNTIL_READY))
    named = [f"--node={node.name} ".encode() for node in (bare, theirs)]
    files = {path: bare.read(path).replace(*named) for path in FILES}
    bare.power_cut()
    for node in (ours, theirs):
        node.exec(cluster.join(LATER))
    hand_over(theirs, files)
    script = ["bash", f"{HAND}/join_by_hand.sh", HAND, cluster.api, TOKEN]
    commands = {"edgeadm": (ours, cluster.join(UNTIL_READY, "-o", "json")), "byHand": (theirs, script)}
    found: dict[str, Any] = {"bareToReady": round(from_bare, 2)}
    for name in sorted(commands, reverse=bool(number % 2)):
        node, command = commands[name]
        seconds, out = timed(node, command)
        node.power_cut()
        found[name] = round(seconds, 2)
        if name == "edgeadm":
            found["phases"] = {each["phase"]: each["seconds"] for each in json.loads(out)["phases"]}
    say(json.dumps(found))
    return found


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with cluster(3 * rounds) as ready:
        found = [one_round(ready, number) for number in range(1, rounds + 1)]
    ratios = [each["edgeadm"] / each["byHand"] for each in found]
    print(
        json.dumps(
            {
                "benchmark": "join of an edge node until Ready, programs and images there; and from bare",
                "kubernetes": VERSION,
                "rounds": found,
                "medianSeconds": {
                    name: round(statistics.median(each[name] for each in found), 2)
                    for name in ("edgeadm", "byHand", "bareToReady")
                },
                "ratios": [round(ratio, 3) for ratio in ratios],
                "medianRatio": round(statistics.median(ratios), 3),
                "goals": GOALS,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
