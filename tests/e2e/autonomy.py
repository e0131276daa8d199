"""Pods of every usual kind on an edge node, and requests to them during an outage."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeadm.sandbox import Node
from tests.e2e.release import COREDNS, tagged
from tests.e2e.sites import Site
from tests.e2e.waiting import until

APPS = Path(__file__).with_name("apps.yaml")
# A static Pod, independent of the cluster.
STATIC = f"""
apiVersion: v1
kind: Pod
metadata: {{name: own, namespace: default}}
spec:
  containers:
  - name: web
    image: {COREDNS}
    args: [-conf, /etc/web/Corefile]
    volumeMounts: [{{name: conf, mountPath: /etc/web}}]
  volumes: [{{name: conf, hostPath: {{path: /etc/own}}}}]
"""
COREFILE = ".:1053 {\n  health :8080\n  whoami\n}\n"
# Each Pod of the web server on the node: its name, its address in its own network, and its response there.
ASK_EACH = r"""
for pid in $(pgrep -f -- 'coredns -conf /etc/web/Corefile'); do
  name=$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^HOSTNAME=//p')
  address=$(nsenter -t "$pid" -n ip -o addr show dev eth0 scope global 2>/dev/null | awk 'NR == 1 {print $4}')
  port=8080
  if [ "$name" = "$(hostname)" ]; then # in the host's network: the node's address, on whatever link it is
    port=18081 address=$(getent ahostsv4 "$name" | awk 'NR == 1 {print $1}')
  fi
  said=$( (exec 3<>"/dev/tcp/${address%/*}/$port" && printf 'GET /health HTTP/1.0\r\n\r\n' >&3 &&
    timeout 5 cat <&3) 2>/dev/null | tail -1)
  echo "$name ${address%/*} $said"
done
"""
# From inside the Pod with that name: the Service's address by DNS, and whether it responds.
FROM_INSIDE = r"""
for pid in $(pgrep -f -- 'coredns -conf /etc/web/Corefile'); do
  tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "HOSTNAME=$1" && break
done
cat "/proc/$pid/root/etc/resolv.conf" >"/run/asked-$1" || exit 3
exec nsenter -t "$pid" -n unshare -m bash -c '
  mount --bind "$1" /etc/resolv.conf
  address=$(getent ahostsv4 "$2" | head -1 | cut -d" " -f1)
  (exec 3<>"/dev/tcp/$address/$3" && printf "GET /health HTTP/1.0\r\n\r\n" >&3 && timeout 5 cat <&3) | tail -1
' bash "/run/asked-$1" "$2" "$3"
"""
GET = r"printf 'GET /health HTTP/1.0\r\n\r\n' >&3 && timeout 5 cat <&3"
HOST_PORT = f"(exec 3<>/dev/tcp/$0/18080 && {GET}) | tail -1"
# Before a byte that a checksum of the kubelet covers: in a checkpoint's data, before 1.37 in a policy's name.
CHECKED = re.compile(rb'"data":"\{..|"policyName":"', re.IGNORECASE)
DRILL_TABLE = "inet edgeadm-drill"
NFT = "/usr/lib/edgeadm/edge/nft"


def say(text: str) -> None:
    """Print a measured figure into the log of the run."""
    sys.stdout.write(f"\n{text}\n")


@dataclass(frozen=True)
class Shop(Site):
    """Two edge nodes; Pods of every usual kind run on the first one."""

    @property
    def edge2(self) -> Node:
        return self.sandbox.node("edge2")

    def open(self) -> None:
        """Create the Pods, and wait until all of them are Ready."""
        self.kubectl("apply", "-f", "-", stdin=tagged(APPS.read_text()).encode())
        until(lambda: self.ready_pods() == 10, "every Pod is Ready")
        until(lambda: len(self.here()) == 9, "every Pod answers")

    def pods(self) -> list[dict[str, Any]]:
        """The Pods in the API without a deletion timestamp."""
        items = self.get("pods")["items"]
        return [each for each in items if "deletionTimestamp" not in each["metadata"]]

    def ready_pods(self) -> int:
        """The number of Pods that are Ready in the API."""
        found = [each["status"].get("conditions") or [] for each in self.pods()]
        return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in each) for each in found)

    def here(self) -> dict[str, str]:
        """Name and address of the Pods on edge1 that respond at it, tested on the node itself."""
        said = self.edge1.exec(["bash", "-c", ASK_EACH], check=False).out
        rows = (line.split() for line in said.splitlines())
        return {row[0]: row[1] for row in rows if len(row) == 3 and row[2] == "OK"}

    def inside(self, pod: str, service: str, port: int = 80) -> bool:
        """Whether the Service resolves and responds, tested in this Pod on edge1."""
        name = f"{service}.default.svc.cluster.local"
        asked = self.edge1.exec(["bash", "-c", FROM_INSIDE, "bash", pod, name, str(port)], check=False)
        return asked.out.strip() == "OK"

    def host_port(self) -> bool:
        """Whether the Pod with a host port responds there."""
        return self.edge1.exec(["bash", "-c", HOST_PORT, self.edge1.ip], check=False).out.strip() == "OK"

    def whole(self, before: dict[str, str]) -> bool:
        """Whether all Pods respond at their previous addresses, as well as Services and DNS."""
        pod = next(iter(sorted(name for name in before if name.startswith("web-"))))
        return (
            self.here() == before
            and self.host_port()
            and self.inside(pod, "web")
            and self.inside(pod, "db-0.db", 8080)
        )

    def cycle(self, how: str, before: dict[str, str]) -> tuple[float, float]:
        """Power edge1 off and on, and wait until all services respond: returns the seconds until every Pod
        responds, and until Services and DNS do."""
        self.sandbox.power("edge1", how)
        start = time.monotonic()
        self.sandbox.power("edge1", "on")
        until(lambda: self.here() == before, f"every Pod answers where it did, after {how}")
        pods = time.monotonic() - start
        until(lambda: self.whole(before), f"all is as it was after {how}")
        return pods, time.monotonic() - start

    def break_checkpoints(self) -> set[str]:
        """Flip one bit of the data in each checksummed checkpoint of edge1's kubelet; returns their paths."""
        broken = set()
        for path in self.edge1.exec(["sh", "-c", "ls /var/lib/kubelet/*_state"]).out.split():
            text = bytearray(self.edge1.read(path))
            places = [found.end() for found in CHECKED.finditer(text)]
            if places:
                text[places[-1]] ^= 0x02
                self.edge1.write(path, bytes(text), 0o600)
                broken.add(path)
        return broken

    def repaired(self) -> set[str]:
        """The kubelet's files that were removed at edge1's last boot."""
        return set(re.findall(r"(/var/lib/kubelet/\S+): removed", self.log("edgeadm-repair")))

    def restarts(self, unit: str) -> tuple[int, float]:
        """How often systemd restarted the unit on edge1 since the boot, and the seconds since the last
        start."""
        asked = "--property=NRestarts,ActiveEnterTimestampMonotonic"
        told = self.edge1.exec(["systemctl", "show", unit, asked]).out
        found = dict(line.split("=") for line in told.split())
        up = float(self.edge1.exec(["cut", "-d ", "-f1", "/proc/uptime"]).out)
        return int(found["NRestarts"]), up - int(found["ActiveEnterTimestampMonotonic"]) / 1e6

    def entries(self, node: Node) -> dict[str, int]:
        """Responses that lite-apiserver can serve without the cloud, each with its age in seconds."""
        told = json.loads(node.exec(["edgeadm-node", "cache", "-o", "json"]).out)
        return {each["key"]: each["ageSeconds"] for each in told["entries"] if each["whole"]}

    def wait_ready(self, node: str) -> float:
        """Wait until the node is Ready; returns the seconds."""
        start = time.monotonic()
        until(lambda: self.ready(node) == "True", f"{node} is Ready")
        return time.monotonic() - start

    def programs(self) -> set[str]:
        """The processes of edge1's Pods."""
        found = self.edge1.exec(["pgrep", "-a", "^(coredns|flanneld|kube-proxy|edge-health)$"]).out
        return set(found.splitlines())

    def refused(self, node: str, since: str) -> int:
        """How often our Pods on the node got status 401, by their logs."""
        logs = (
            self.kubectl("-n", space, "logs", pod, f"--since={since}").out for space, pod in self._ours(node)
        )
        return sum(log.count("Unauthorized") for log in logs)

    def healed(self, node: str) -> bool:
        """Whether no Pod got status 401 for a while."""
        return self.refused(node, "20s") == 0

    def refusals(self, node: str) -> int:
        """How often any client got status 401 since the link is up."""
        return self.refused(node, "5m")

    def _ours(self, node: str) -> list[tuple[str, str]]:
        found = self.get("pods", "-A", "--field-selector", f"spec.nodeName={node}")["items"]
        metas = [each["metadata"] for each in found]
        names = ("edge-flannel-", "edge-kube-proxy-", "edge-coredns-")
        return [(each["namespace"], each["name"]) for each in metas if each["name"].startswith(names)]

    def has_new_settings(self) -> bool:
        """Whether each Pod with the ConfigMap has its change."""
        script = "for p in $(pgrep -x coredns); do head -1 /proc/$p/root/etc/web/Corefile 2>/dev/null; done"
        found = self.edge1.exec(["bash", "-c", script], check=False).out.splitlines()
        return found.count("# another") == 7

    def images(self) -> list[str]:
        """All images on edge1."""
        return sorted(self.edge1.exec(["ctr", "-n", "k8s.io", "images", "ls", "-q"]).out.split())

    def log(self, unit: str) -> str:
        """The log of the unit on edge1 since it was powered on."""
        return self.edge1.exec(["journalctl", "-b", "-u", unit, "--no-pager"]).out

    def remembered(self) -> dict[str, str]:
        """The addresses of edge1's Pods in the plugin's store."""
        told = json.loads(self.edge1.exec(["edgeadm-node", "addresses", "-o", "json"]).out)
        assert not told["problems"]
        return {
            f"{each['namespace']}/{each['pod']}": ",".join(each["addresses"])
            for each in told["records"]
            if each["state"] == "live"
        }
