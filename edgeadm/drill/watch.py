"""Observes this host while the API server is blocked: running containers, and responding services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeadm.drill.node import EdgeNode
from edgeadm.drill.probes import Probes
from edgeadm.hosts import Host
from edgeadm.node.offline_files import HELPER

PATIENCE = 10.0
CTR = ("ctr", "--namespace", "k8s.io")
SANDBOX = "POD"  # the container that holds a Pod's network namespace has this name here
POD = "io.kubernetes.pod."
CONTAINER = "io.kubernetes.container.name"
SERVICE, LITE, DNS = "service kubernetes", "lite-apiserver", "edge DNS"


@dataclass(frozen=True)
class Running:
    """A Pod in the container runtime: container → id, of the running ones."""

    containers: Mapping[str, str]
    addresses: tuple[str, ...] = ()


Pods = Mapping[str, Running]  # namespace/name → its running containers


@dataclass(frozen=True)
class Sample:
    """The state at one time; `pods` is None if the container runtime did not respond."""

    time: float
    pods: Pods | None
    answers: Mapping[str, bool] = field(default_factory=dict)


@dataclass
class Watch:
    """Only reads. The Pod of a container never changes, so it is read once."""

    host: Host
    node: EdgeNode
    probes: Probes
    _owners: dict[str, dict[str, str]] = field(default_factory=dict)
    _last: Pods | None = None

    def sample(self) -> Sample:
        """Check everything once."""
        return Sample(self.probes.now(), self.pods(), self._answers())

    def pods(self) -> Pods | None:
        """The running containers; the same object as before if nothing has changed, as a drill may take a
        day."""
        found = self._running()
        if found is not None and found != self._last:
            self._last = found
        return None if found is None else self._last

    def wanted(self) -> dict[str, bool]:
        """Pods of this node in lite-apiserver's cache → whether they stay. None if the node's helper
        fails."""
        found = _document(self.host, HELPER, "pods", "-o", "json").get("pods") or []
        ended = ("Succeeded", "Failed")
        return {
            f"{each['namespace']}/{each['name']}": not each.get("deleting") and each.get("phase") not in ended
            for each in found
        }

    def reached(self) -> str:
        """The addresses of the API server that accept connections; empty if none does."""
        there = (each for each in self.node.places if self.probes.connects(each.host, each.port))
        return str(next(there, ""))

    def _answers(self) -> dict[str, bool]:
        node, probes = self.node, self.probes
        found = {
            SERVICE: probes.connects(node.service_ip, 443),
            LITE: probes.answers(node.lite, node.authority),
        }
        if node.dns:
            found[DNS] = node.service_ip in probes.addresses(node.dns, node.service_name)
        return found

    def _running(self) -> Pods | None:
        tasks = self.host.ask(*CTR, "tasks", "ls", timeout=PATIENCE)
        if tasks.code != 0:
            return None
        lines = (line.split() for line in tasks.out.splitlines())
        ids = [words[0] for words in lines if len(words) == 3 and words[2] == "RUNNING"]
        found: dict[str, dict[str, str]] = {}
        for each in ids:
            owner = self._owner(each)
            if f"{POD}name" in owner:
                pod = f"{owner.get(POD + 'namespace')}/{owner[POD + 'name']}"
                found.setdefault(pod, {})[owner.get(CONTAINER, SANDBOX)] = each
        addresses = self._addresses()
        return {pod: Running(what, addresses.get(pod, ())) for pod, what in sorted(found.items())}

    def _owner(self, container: str) -> dict[str, str]:
        if container not in self._owners:
            labels = _document(self.host, *CTR, "containers", "info", container).get("Labels")
            if labels is None:
                return {}  # it has just ended
            self._owners[container] = labels
        return self._owners[container]

    def _addresses(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for each in _document(self.host, HELPER, "addresses", "-o", "json").get("records") or []:
            if each.get("state") == "live":
                pod = f"{each['namespace']}/{each['pod']}"
                found[pod] = (*found.get(pod, ()), *each["addresses"])
        return found


def _document(host: Host, *argv: str) -> dict[str, Any]:
    """The JSON object that a command prints, for any status: the helper also reports problems by its status.
    Empty if there is none."""
    try:
        found = json.loads(host.ask(*argv, timeout=PATIENCE).out)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
