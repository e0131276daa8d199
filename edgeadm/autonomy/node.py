"""The edge node under check: each fact is read once, and only from this host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from edgeadm import yaml_text
from edgeadm.autonomy.helper import Told, ask_helper
from edgeadm.autonomy.nearby import Nearby
from edgeadm.checks.engine import UnansweredError
from edgeadm.hosts import Host
from edgeadm.hosts import facts as machine
from edgeadm.hosts.units import UnitState, unit_states
from edgeadm.node import units
from edgeadm.node.cni_files import CONFLIST
from edgeadm.node.edge import lite_server, this_edge_node
from edgeadm.node.membership import ClusterFacts
from edgeadm.node.units import KEEP, REPAIR

KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
FLANNEL = "flannel"
CONTAINERD = "containerd"
KUBELET = "kubelet"
OTHER_NETWORK = "the pod network is not flannel"
# In start order.
UNITS = (
    REPAIR,
    units.NIC,
    CONTAINERD,
    units.LITE_APISERVER,
    units.SERVICE_IP,
    KUBELET,
    KEEP,
    units.RENEWAL_TIMER,
)


@dataclass(frozen=True)
class EdgeNode:
    """This node: its name in the cluster, the facts that its join recorded, and access to it."""

    host: Host
    name: str
    facts: ClusterFacts
    nearby: Nearby

    @cached_property
    def now(self) -> datetime:
        """The time of the host's clock."""
        return datetime.fromtimestamp(machine.clock(self.host), UTC)

    @cached_property
    def units(self) -> dict[str, UnitState]:
        """The relevant units in systemd."""
        return unit_states(self.host, *UNITS)

    @cached_property
    def addresses(self) -> dict[str, list[str]]:
        """Link → its addresses with prefix length."""
        return machine.addresses(self.host)

    @cached_property
    def server(self) -> str:
        """https://ADDRESS:PORT of lite-apiserver; the port is specific to this node."""
        return lite_server(self.host, self.facts)

    @cached_property
    def kubelet_config(self) -> dict[str, Any]:
        """The kubelet's configuration; empty if it cannot be read."""
        return document(self.host.read(KUBELET_CONFIG))

    @cached_property
    def kubelet_version(self) -> str:
        """vX.Y.Z of the installed kubelet; empty if unknown."""
        answer = self.host.ask("kubelet", "--version", timeout=30)
        return answer.out.split()[-1] if answer.code == 0 and answer.out.split() else ""

    @cached_property
    def has_flannel(self) -> bool:
        """Whether the pod network is flannel. This may be unknown in clusters that edgeadm did not create."""
        said = FLANNEL in (self.facts.cni, *self.facts.edge_programs)
        return said or (not self.facts.cni and self.host.stat(CONFLIST) is not None)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries of lite-apiserver's cache. Raises UnansweredError."""
        return self._answered("cache", "cache-whole").every("entries")

    @property
    def pods(self) -> list[dict[str, Any]]:
        """The Pods scheduled to this node, from its cache; without those that have ended or are being
        deleted. Raises UnansweredError."""
        found = self._answered("pods", "cache-kubelet").every("pods")
        over = ("Succeeded", "Failed")
        return [each for each in found if each.get("phase") not in over and not each.get("deleting")]

    @property
    def images(self) -> Told:
        """The images in containerd, and the limit for pins. Raises UnansweredError."""
        unit = self.units.get(CONTAINERD)
        if unit is not None and not unit.active:
            raise UnansweredError(f"unit-{CONTAINERD}", "containerd is not running")
        return self._answered("images", "images-present")

    @property
    def records(self) -> Told:
        """Recorded addresses of Pods, and problems of the address store. Raises UnansweredError."""
        return self._answered("addresses", "address-store")

    def told(self, verb: str) -> Told:
        """The output of `edgeadm-node`, read once."""
        if verb not in self._told:
            self._told[verb] = ask_helper(self.host, verb)
        return self._told[verb]

    def _answered(self, verb: str, owner: str) -> Told:
        told = self.told(verb)
        if told.absent:
            raise UnansweredError("helper", told.fault)
        if told.fault and not told.document:
            raise UnansweredError(owner, told.fault)
        return told

    @cached_property
    def _told(self) -> dict[str, Told]:
        return {}


def open_node(host: Host, nearby: Nearby, asked: str = "") -> EdgeNode:
    """This host as an edge node. Raises OtherNodeError for another node name, NotAnEdgeNodeError if it is not
    one."""
    found = this_edge_node(host, asked)
    return EdgeNode(host, found.name, found.facts, nearby)


def document(text: bytes | None) -> dict[str, Any]:
    """A YAML document; empty if it is invalid."""
    import yaml

    try:
        found = yaml_text.load(text or b"")
    except yaml.YAMLError:
        found = None
    return found if isinstance(found, dict) else {}
