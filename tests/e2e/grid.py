"""A cluster of two sites with one edge node each, and the responses of their Services."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edgeadm.hosts import Result
from edgeadm.sandbox import Node
from tests.e2e.cluster import ADMIN, Cluster
from tests.e2e.release import tagged

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "service-group.yaml"
SITES = {"edge1": "site-a", "edge2": "site-b"}
ASKED = 20
NOBODY = ""
# A query for TXT records of `who`, over TCP: edge nodes have no program for it.
ASK = r"""
for _ in $(seq COUNT); do
  timeout 3 bash -c '
    exec 3<>/dev/tcp/ADDRESS/53 || exit 1
    printf "\x00\x15\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03who\x00\x00\x10\x00\x01" >&3
    dd bs=512 count=1 <&3 2>/dev/null | tr -c "a-z0-9" "\n" | grep -x "edge[0-9]"
  ' 2>/dev/null || echo -
done
"""
# The query in the network of a Pod on that node.
INSIDE = "nsenter --net --target $(pgrep -xo coredns) "


@dataclass(frozen=True)
class Sites:
    """The cluster, and the ServiceGrid of the guide's example in it."""

    cluster: Cluster

    def node(self, name: str) -> Node:
        return self.cluster.node(name)

    def run_example(self) -> None:
        """As the guide has it."""
        words = [*ADMIN, "apply", "-f", "-"]
        self.cluster.cp1.exec(words, stdin=tagged(EXAMPLE.read_text()).encode())

    def address(self) -> str:
        """The Service's ClusterIP; empty before the controller has created it."""
        words = ("get", "service", "who-svc", "--ignore-not-found", "-o", "jsonpath={.spec.clusterIP}")
        return self.cluster.kubectl(*words)

    def answers(self, name: str, count: int = ASKED, inside: bool = False, address: str = "") -> Counter[str]:
        """The number of responses of each node's Pods to clients on this node. `address` is the Service's, if
        known."""
        script = ASK.replace("ADDRESS", address or self.address()).replace("COUNT", str(count))
        if inside:
            script = script.replace("timeout 3 bash", f"timeout 3 {INSIDE}bash")
        lines = self.node(name).exec(["bash", "-c", script], check=False, timeout=count * 10 + 60).out.split()
        return Counter(NOBODY if line == "-" else line for line in lines)

    def ready(self) -> dict[str, int]:
        """The number of the Service's ready endpoints on each node."""
        words = ("get", "endpointslices", "-l", "kubernetes.io/service-name=who-svc", "-o", "json")
        found: Counter[str] = Counter()
        for each in json.loads(self.cluster.kubectl(*words))["items"]:
            for endpoint in each.get("endpoints") or []:
                found[endpoint["nodeName"]] += bool(endpoint["conditions"].get("ready"))
        return dict(+found)

    def empty(self, name: str) -> None:
        """Deletes the application's Pods from the node, and prevents new ones."""
        self.cluster.kubectl("cordon", name)
        self.cluster.kubectl(
            "delete", "pods", "-l", "app=who", "--field-selector", f"spec.nodeName={name}", "--wait=false"
        )

    def fill(self, name: str) -> None:
        self.cluster.kubectl("uncordon", name)

    def proxies(self) -> dict[str, tuple[str, list[str]]]:
        """The ready kube-proxy of each node: its namespace and its containers."""
        found = {}
        for each in json.loads(self.cluster.kubectl("get", "pods", "-A", "-o", "json"))["items"]:
            conditions = each["status"].get("conditions") or []
            ready = any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
            containers = [one["name"] for one in each["spec"]["containers"]]
            if "kube-proxy" in containers and ready and "deletionTimestamp" not in each["metadata"]:
                found[each["spec"]["nodeName"]] = (each["metadata"]["namespace"], containers)
        return found

    def addon(self, *words: str) -> Result:
        """`edgeadm addon edge-apps` with the package."""
        given = ["edgeadm", "addon", "edge-apps", *words, "--install-pkg-path", self.cluster.package]
        return self.cluster.cp1.exec(given)
