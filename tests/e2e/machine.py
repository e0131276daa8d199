"""An edge node as a virtual machine: its state, and the comparison with another one.

An emulated one is slow, so each question covers many facts."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgeadm.hosts import Result
from edgeadm.sandbox import Node
from tests.e2e.cluster import Reached
from tests.e2e.release import COREDNS
from tests.e2e.snapshot import COMMANDS, MARK, PRUNED
from tests.e2e.waiting import until

PATIENCE = 3600.0  # seconds for a state of an emulated machine on a busy processor
PAUSE = 10.0  # seconds between two questions at most
PORT = 18080
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
WEB: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "nodeName": "edge1",
        "tolerations": [UNREACHABLE],
        "containers": [{"name": "web", "image": COREDNS, "args": ["-dns.port=1053"]}],
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 1053, "protocol": "TCP"}]},
}
DNS = "169.254.20.11"  # where each edge node has its own
UNITS = ("containerd", "lite-apiserver", "kubelet", "edgeadm-nic", "edgeadm-service-ip", "edgeadm-keep")
# One line each: inactive units, restarts of kubelet, the number of programs in the node's Pods, the address
# of the web server's Pod, whether its Service responds, and the number of records that the node's DNS returns
# for the name of the API, over TCP.
ASK = rf"""
for unit in {" ".join(UNITS)}; do systemctl is-active -q "$unit" || echo "inactive $unit"; done
echo "restarts $(systemctl show kubelet --property=NRestarts --value)"
echo "programs $(pgrep -x 'flanneld|kube-proxy|coredns|edge-health' | wc -l)"
pid=$(pgrep -of -- 'coredns -dns.port=1053') &&
  echo "web $(nsenter -t "$pid" -n ip -o addr show dev eth0 scope global | awk '{{print $4}}')"
timeout 20 bash -c 'exec 3<>"/dev/tcp/$0/1053"' "$1" && echo "service answers"
query='\0\x36\0\x01\x01\0\0\x01\0\0\0\0\0\0\x0akubernetes\x07default\x03svc\x07cluster\x05local\0\0\x01\0\x01'
said=$(timeout 20 bash -c "exec 3<>/dev/tcp/{DNS}/53; printf '$query' >&3; head -c 10 <&3" | od -An -tu1)
echo "dns $(awk '{{print $10}}' <<<"$said")"
"""
# The carrier of the interface, and its addresses.
TOLD = r"""
cat /sys/class/net/eth0/carrier 2>/dev/null || echo none
ip -o -4 addr show dev eth0 | awk '{print $4}'
"""
# State of the kernel.
KERNEL = {
    "loaded modules": "lsmod | awk 'NR > 1 {print $1}' | sort",
    "profiles": "sort /sys/kernel/security/apparmor/profiles",
}
SUMMED = ("/etc", "/opt", "/usr/local", "/usr/lib/systemd", "/lib/modules-load.d", "/lib/sysctl.d")
FILES = rf"""
find / -xdev \( {PRUNED} \) -prune -o -printf '%p %m %U:%G %y %l\n' 2>/dev/null | sed 's/ $//'
find {" ".join(SUMMED)} -xdev \( {PRUNED} \) -prune -o -type f -exec sha256sum {{}} + 2>/dev/null |
  sed -E 's/^(\S+)  (.*)$/\2 \1/'
"""
COMPARED = ("units", "links", "addresses", "routes", "rules", "mounts", "modules", "users", "sysctls")
# Differences between any two: identifiers of disks, keys, names, logs, and caches that a boot writes.
OWN = (
    r"units: (gone|new): dev-disk-by\\x2d(diskseq|id|label|partuuid|path|uuid)\S*\.device "
    r"|files: (gone|new): /etc/(machine-id|hostname|hosts|ssh/ssh_host_\S+) "
    r"|files: (gone|new): /usr/local/lib/edgeadm-sandbox/\S+ "
    r"|files: (gone|new): /(var/(log|cache|tmp|lib/(systemd|dhcp|dbus|private))|run|tmp|root)(/\S+)? "
    r"|sysctls: (gone|new): (fs|kernel|user|vm)\."
)


def say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long it took."""
    start = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - start:.0f} s")


def facts(node: Node) -> dict[str, list[str]]:
    """The state of a virtual machine by kind, as lines; placeholders replace its name and addresses."""
    commands = {kind: COMMANDS[kind] for kind in COMPARED} | KERNEL | {"files": FILES}
    script = "\n".join(f"printf '{MARK}{kind}\\n'; {{ {command}\n}}" for kind, command in commands.items())
    said = node.exec(["bash", "-c", script], check=False).out
    mac = "02:ed:" + ":".join(f"{int(part):02x}" for part in node.ip.split("."))
    for own, word in ((node.ip, "ADDRESS"), (mac, "MAC"), (node.name, "NODE")):
        said = re.sub(rf"\b{re.escape(own)}\b", word, said)
    said = re.sub(r"fe80::[0-9a-f:]+", "LINK-LOCAL", said)
    parts = (part.partition("\n") for part in said.split(MARK)[1:])
    return {kind: sorted(set(lines.splitlines())) for kind, _, lines in parts}


@dataclass(frozen=True)
class Field(Reached):
    """A site whose edge1 is a virtual machine; `run` runs edgeadm on this host."""

    run: Callable[..., Result] = Result

    def vm(self, *words: str, node: str = "edge1") -> dict[str, Any]:
        """Run `edgeadm sandbox vm` with these options; returns the node's row of `ls`."""
        told = self.run("sandbox", "vm", node, *words, "--name", self.sandbox.name, "-o", "json")
        (found,) = json.loads(told.checked().out)
        return dict(found)

    def deploy(self) -> None:
        """Run a web server with a Service on edge1, with a toleration for an outage of any length."""
        for each in (WEB, SERVICE):
            self.kubectl("apply", "-f", "-", stdin=json.dumps(each).encode())
        until(lambda: "web" in self.answers(), "the web server runs")

    def answers(self) -> dict[str, str]:
        """The state of edge1: the lines of ASK."""
        service = self.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}").out
        said = self.edge1.exec(["bash", "-c", ASK, "bash", service], check=False).out
        pairs = (line.partition(" ") for line in said.splitlines())
        return {key: value.strip() for key, _, value in pairs}

    def wait_same(self, before: dict[str, str], what: str) -> None:
        """Wait until units, Pods, Service and DNS of edge1 have the state `before`."""
        until(lambda: self.answers() == before, f"edge1 is as it was {what}", PATIENCE, PAUSE)

    def begun(self) -> tuple[str, list[str]]:
        """The carrier of edge1's interface (0, 1 or none), and its addresses."""
        carrier, *addresses = self.edge1.exec(["sh", "-c", TOLD]).out.split()
        return carrier, addresses

    def log(self, *words: str) -> str:
        """The journal of edge1's boot."""
        return self.edge1.exec(["journalctl", "-b", "--no-pager", *words]).out

    def denied(self) -> list[str]:
        """Accesses that AppArmor denied in this boot."""
        return [line for line in self.log("-k").splitlines() if 'apparmor="DENIED"' in line]

    def checks(self) -> dict[str, str]:
        """The checks of autonomy that failed or warn on edge1, each with its finding."""
        told = self.edge1.exec(["edgeadm", "check", "autonomy", "-o", "json"], check=False).out
        return {
            each["code"]: f"{each['result']}: {each['found']}"
            for each in json.loads(told)["checks"]
            if each["result"] in ("failed", "warning")
        }

    def ready(self) -> str:
        """The condition Ready of edge1 in the API."""
        node = json.loads(self.kubectl("get", "node", "edge1", "-o", "json").out)
        return str(next(each["status"] for each in node["status"]["conditions"] if each["type"] == "Ready"))
