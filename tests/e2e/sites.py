"""A site of two edge nodes and its cloud: DNS responses in its Pods, and evictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cluster import Reached
from tests.e2e.release import tagged
from tests.e2e.waiting import until

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
# A web server on edge1, evicted as late as possible, with an image that every node has.
WEB = tagged("""
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  Corefile: |
    .:1053 {
      health :8080
      whoami
    }
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {superedge.io/node-edge: enable}
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [edge1]}]}
      tolerations:
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
      containers:
      - name: web
        image: registry.k8s.io/coredns/coredns
        args: [-conf, /etc/web/Corefile]
        volumeMounts: [{name: conf, mountPath: /etc/web}]
      volumes: [{name: conf, configMap: {name: web}}]
""")
# Resolves a name in the network of the web server, with its resolv.conf.
ASK = r"""
pid=$(pgrep -of 'coredns -conf /etc/web/Corefile') || exit 3
cat "/proc/$pid/root/etc/resolv.conf" >/run/asked
exec nsenter -t "$pid" -n unshare -m sh -c '
  mount --bind /run/asked /etc/resolv.conf
  getent ahostsv4 "$1" | head -1 | cut -d" " -f1' sh "$1"
"""
# Queries example.org once, with a resolver's time-out: the fourth byte of the response contains its code.
ASK_THE_WORLD = r"""
exec 3<>/dev/udp/169.254.20.11/53
printf '\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1' >&3
timeout 5 dd bs=512 count=1 <&3 2>/dev/null | od -An -tu1 -j3 -N1
"""
SERVFAIL = 2
# Queries from the network of the node itself, after its Pod was evicted.
ASK_ON_NODE = """
echo 'nameserver 169.254.20.11' >/run/asked
exec unshare -m sh -c 'mount --bind /run/asked /etc/resolv.conf
  getent ahostsv4 "$1" | head -1 | cut -d" " -f1' sh "$1"
"""
KILL_DNS = "kill -9 $(pgrep -f '^/coredns -conf /etc/coredns/Corefile')"


@dataclass(frozen=True)
class Site(Reached):
    """The cluster, created from one package."""

    def get(self, *args: str) -> Any:
        return json.loads(self.kubectl("get", *args, "-o", "json").out)

    def names(self, kind: str) -> set[str]:
        return {str(each["metadata"]["name"]) for each in self.get(kind)["items"]}

    def apply_example(self, name: str) -> None:
        """The file in the documentation."""
        self.kubectl("apply", "-f", "-", stdin=tagged((EXAMPLES / name).read_text()).encode())

    def delete_example(self, name: str) -> None:
        self.kubectl("delete", "-f", "-", stdin=tagged((EXAMPLES / name).read_text()).encode())

    def labels(self, node: str) -> dict[str, str]:
        found: dict[str, str] = self.get("node", node)["metadata"]["labels"]
        return found

    def cut(self, on: bool) -> None:
        """Blocks the control plane's packets to edge1; edge2 and edge1 still reach each other."""
        self.cp1.exec(["ip", "route", "add" if on else "del", "blackhole", f"{self.edge1.ip}/32"])

    def ready(self, node: str) -> str:
        conditions = self.get("node", node)["status"]["conditions"]
        return next(str(each["status"]) for each in conditions if each["type"] == "Ready")

    def taints(self, node: str) -> set[str]:
        taints = self.get("node", node)["spec"].get("taints") or []
        return {f"{each['key']}:{each['effect']}" for each in taints}

    def voted_out(self, node: str) -> bool:
        return "nodeunhealth" in self.get("node", node)["metadata"].get("annotations", {})

    def web(self) -> dict[str, str]:
        """The web server's Pods without a deletion timestamp, and their nodes."""
        pods = self.get("pods", "-l", "app=web")["items"]
        return {
            each["metadata"]["name"]: str(each["spec"].get("nodeName"))
            for each in pods
            if "deletionTimestamp" not in each["metadata"]
        }

    def run_web(self) -> None:
        self.kubectl("apply", "-f", "-", stdin=WEB.encode())
        self.kubectl("rollout", "status", "deployment/web", "--timeout=480s")
        until(lambda: set(self.web().values()) == {"edge1"}, "the web server runs on edge1")

    def ask(self, name: str) -> str:
        """The DNS response for a name in a Pod on edge1; empty if it does not resolve."""
        return self.edge1.exec(["bash", "-c", ASK, "bash", name]).out.strip()

    def says_that_the_world_is_away(self) -> bool:
        """Whether DNS on edge1 fails immediately instead of timing out."""
        flags = self.edge1.exec(["bash", "-c", ASK_THE_WORLD], check=False).out.strip()
        return flags != "" and int(flags) & 15 == SERVFAIL

    def ask_on_node(self, name: str) -> str:
        """The response for a name of the DNS server at the virtual address of edge1."""
        return self.edge1.exec(["bash", "-c", ASK_ON_NODE, "bash", name]).out.strip()

    def voters(self) -> int:
        """The number of edge-health's ready Pods."""
        pods = self.get("pods", "-n", "edge-system", "-l", "name=edge-health")["items"]
        statuses = [each["status"].get("containerStatuses", [{}])[0] for each in pods]
        return sum(bool(each.get("ready")) for each in statuses)
