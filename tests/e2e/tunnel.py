"""An edge cluster with an edge node behind NAT, and requests to a Pod there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from edgeadm.errors import CommandError
from edgeadm.sandbox import Sandbox
from tests.e2e.cluster import KUBECONFIG, KUBECTL, Reached
from tests.e2e.release import tagged
from tests.e2e.waiting import until

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
RANGE = "192.168.0.0/16"
# A Pod on the pod network of an edge node, of an image that every node has.
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
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeSelector: {superedge.io/node-edge: enable}
  containers:
  - name: web
    image: registry.k8s.io/coredns/coredns
    args: [-conf, /etc/coredns/Corefile]
    volumeMounts: [{name: conf, mountPath: /etc/coredns}]
  volumes: [{name: conf, configMap: {name: web}}]
""")
GET = r"exec 3<>/dev/tcp/127.0.0.1/18080; printf 'GET /health HTTP/1.0\r\n\r\n' >&3; cat <&3"
FORWARD = f"""
{" ".join(KUBECTL)} --kubeconfig {KUBECONFIG} port-forward "pod/$0" 18080:8080 >/dev/null & pid=$!
for _ in $(seq 100); do if ({GET}) 2>/dev/null; then break; fi; sleep 0.1; done
kill $pid
"""


@dataclass(frozen=True)
class EdgeCluster(Reached):
    """A control plane and edge1, created from one package; `pod` is a web server on edge1."""

    pod: str = "web"

    def run_web(self) -> None:
        """A Pod with a small web server on edge1."""
        self.kubectl("apply", "-f", "-", stdin=WEB.encode())
        until(lambda: self._phase("web") == "Running", "the Pod runs")

    def answer(self, way: str) -> str:
        """The response of a Pod or node by this way; empty without a response."""
        inside = ("-n", "edge-system", "exec", self._pod("edge-system", "app=edge-kube-proxy"))
        words: dict[str, tuple[str, ...]] = {
            "logs": ("logs", self.pod),
            "exec": (*inside, "--", "/usr/sbin/iptables", "--version"),
            "exec -i": (*inside, "-i", "--", "/usr/sbin/nft", "-c", "-f", "-"),
            "logs of the cloud": ("-n", "kube-system", "logs", "etcd-cp1", "--tail=1"),
            "node proxy": ("get", "--raw", "/api/v1/nodes/edge1/proxy/healthz"),
            "pod proxy": ("get", "--raw", f"/api/v1/namespaces/default/pods/{self.pod}:8080/proxy/health"),
        }
        if way == "port-forward":
            return self.cp1.exec(["bash", "-c", FORWARD, self.pod], check=False).out
        found = self.kubectl(*words[way], stdin=b"told", check=False)
        # nft prints its input, and that it is invalid.
        return found.err if way == "exec -i" else found.out

    def works(self) -> bool:
        """Whether all requests get the expected response."""
        return all(re.search(pattern, self.answer(way)) for way, pattern in ANSWERS.items())

    def can_be_dialled(self) -> bool:
        """Whether the control plane reaches edge1's kubelet directly."""
        dial = ["timeout", "5", "bash", "-c", f"</dev/tcp/{self.edge1.ip}/10250"]
        return self.cp1.exec(dial, check=False).code == 0

    def _phase(self, pod: str) -> str:
        return self.kubectl("get", "pod", pod, "-o", "jsonpath={.status.phase}", check=False).out

    def _pod(self, namespace: str, label: str) -> str:
        try:
            found = self.kubectl("-n", namespace, "get", "pods", "-l", label, "-o", "json").out
        except CommandError:
            return "none"  # the API server restarts
        on_edge = [each for each in json.loads(found)["items"] if each["spec"].get("nodeName") == "edge1"]
        return next((str(each["metadata"]["name"]) for each in on_edge), "none")


ANSWERS = {
    "logs": "CoreDNS-1",
    "exec": r"iptables v1\.",
    "exec -i": "told",
    "port-forward": r"200 OK\s[\s\S]*OK$",
    "logs of the cloud": '"level":',
    "node proxy": "^ok$",
    "pod proxy": "^OK$",
}


def behind_nat(sandbox: Sandbox) -> EdgeCluster:
    """The restored site with a web server on edge1, which can only open connections; edge2 is powered off."""
    found = EdgeCluster(sandbox)
    found.sandbox.power("edge2", "kill")
    found.kubectl("delete", "node", "edge2")
    found.edge1.nat(on=True)
    found.run_web()
    return found
