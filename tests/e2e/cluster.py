"""A cluster of one control plane, and joining nodes."""

from __future__ import annotations

import json
from dataclasses import dataclass

from edgeadm import pki
from edgeadm.hosts import Result
from edgeadm.sandbox import Node, Sandbox

KUBECONFIG = "/etc/kubernetes/admin.conf"
# Its cache is in memory, so that it is no file that a comparison finds.
KUBECTL = ("kubectl", "--cache-dir", "/dev/shm/kubectl")
ADMIN = (*KUBECTL, "--kubeconfig", KUBECONFIG)
TOKEN = "abcdef.0123456789abcdef"
NETWORK = ("--pod-network-cidr", "192.168.0.0/16")
DONE = "This node has joined the cluster:\n* Certificate signing request was sent to apiserver"
# They have their own end-to-end tests, and would take a minute for each control plane.
LEFT_OUT = ("certificates", "tunnel", "site-manager", "edge-health", "edge-dns", "api-server")
WITHOUT_TUNNEL = ("--skip-phases", ",".join(f"edge-apps/{name}" for name in LEFT_OUT))


@dataclass(frozen=True)
class Reached:
    """A control plane that responds on its own host, and one edge node or more."""

    sandbox: Sandbox
    kubeconfig: str = KUBECONFIG

    @property
    def cp1(self) -> Node:
        return self.sandbox.node("cp1")

    @property
    def edge1(self) -> Node:
        return self.sandbox.node("edge1")

    @property
    def package(self) -> str:
        return package_in(self.cp1)

    def kubectl(self, *args: str, stdin: bytes = b"", check: bool = True) -> Result:
        words = [*KUBECTL, "--kubeconfig", self.kubeconfig, *args]
        return self.cp1.exec(words, stdin=stdin, check=check)


@dataclass(frozen=True)
class Cluster:
    """A control plane, hosts that may join it, and their package."""

    sandbox: Sandbox
    package: str
    pin: str

    @property
    def cp1(self) -> Node:
        return self.sandbox.node("cp1")

    def node(self, name: str) -> Node:
        return self.sandbox.node(name)

    def kubectl(self, *args: str) -> str:
        return self.cp1.exec([*ADMIN, *args]).out

    def words(self, *args: str, **changed: str) -> list[str]:
        """The command line of a join; `target`, `token` and `pin` may be wrong ones."""
        given = {"target": f"{self.cp1.ip}:6443", "token": TOKEN, "pin": self.pin} | changed
        words = ["--token", given["token"], "--discovery-token-ca-cert-hash", given["pin"]]
        return ["edgeadm", "join", given["target"], *words, "--install-pkg-path", self.package, *args]

    def join(self, name: str, *args: str, check: bool = True, **changed: str) -> Result:
        return self.node(name).exec(self.words(*args, **changed), check=check)

    def condition(self, name: str) -> str:
        """The Ready condition of the node in the cluster."""
        node = json.loads(self.kubectl("get", "node", name, "-o", "json"))
        return next(each["status"] for each in node["status"]["conditions"] if each["type"] == "Ready")


def package_in(node: Node) -> str:
    """The path of the package on the node."""
    (inside,) = node.exec(["sh", "-c", "ls /mnt/package/*.tar.zst"]).out.split()
    return inside


def pin_of(cp1: Node) -> str:
    """The hash of the cluster's CA, as `--discovery-token-ca-cert-hash` has it."""
    return pki.discovery_hash(cp1.read("/etc/kubernetes/pki/ca.crt"))


def cluster_of(sandbox: Sandbox) -> Cluster:
    """The cluster of a sandbox whose cp1 is a control plane."""
    cp1 = sandbox.node("cp1")
    return Cluster(sandbox, package_in(cp1), pin_of(cp1))
