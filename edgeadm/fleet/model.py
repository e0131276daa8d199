"""A fleet as the engine sees it, whatever document described it: cluster, machines, sites and limits.

All values are validated by the documents (edgeadm/fleet/documents): names are DNS labels, addresses are IP
addresses or host names, and credentials are resolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from edgeadm.config.secret import Secret
from edgeadm.hosts.ssh.target import Target


class Role(StrEnum):
    """The role of a machine in its cluster, as packages name it."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"
    EDGE = "edge"


@dataclass(frozen=True)
class Machine:
    """A machine that shall be a node. `name` is the name of its Node, `aliases` are other words by which
    selectors find it. `settings` are fields of an EdgeConfiguration for its `join` or `init`, such as
    `nodeIp`; they win over those of the fleet."""

    name: str
    target: Target
    role: Role = Role.EDGE
    site: str = ""
    groups: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    # Reset the machine before it joins, even if it is a node of the cluster already.
    reinstall: bool = False

    @property
    def address(self) -> str:
        return self.target.address


@dataclass(frozen=True)
class Site:
    """Machines that share a LAN. If `shares` is set, one of them receives the files over the WAN and serves
    them to the others; `bandwidth` limits the WAN, in bytes a second, 0 is unlimited."""

    name: str
    shares: bool = True
    bandwidth: int = 0


@dataclass(frozen=True)
class Limit:
    """`--max-failures N` or `P%`: a number of machines, or a share of all machines."""

    number: int = 0
    percent: float | None = None

    def reached(self, count: int, total: int) -> bool:
        """Whether so many machines are more than the limit."""
        allowed = self.number if self.percent is None else int(total * self.percent / 100)
        return count > allowed


NO_LIMIT = Limit(percent=100)


@dataclass(frozen=True)
class Limits:
    """Limits of a run. Times are in seconds."""

    concurrency: int = 64
    max_failures: Limit = NO_LIMIT
    max_unreachable: Limit = NO_LIMIT
    attempts: int = 3
    ready: float = 300.0


@dataclass(frozen=True)
class ClusterAccess:
    """The cluster that machines join. `endpoint` (HOST:PORT) is the address for machines; empty if the
    cluster announces it. `kubeconfig` is empty for the search order of kubectl."""

    endpoint: str = ""
    kubeconfig: str = ""
    token: Secret | None = None


@dataclass(frozen=True)
class SecretName:
    """A Secret in the cluster."""

    name: str
    namespace: str = "edge-system"


@dataclass(frozen=True)
class Fleet:
    """A document, resolved. `packages` are offline packages by architecture (amd64, arm64), as paths or URLs;
    `settings` are fields of an EdgeConfiguration for every machine. `warnings` name the keys of the document
    that edgeadm does not implement."""

    name: str
    machines: tuple[Machine, ...] = ()
    cluster: ClusterAccess = field(default_factory=ClusterAccess)
    sites: Mapping[str, Site] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    kind: str = "NodeFleet"
    source: Path | None = None
    warnings: tuple[str, ...] = ()
    # The label that a NodeTask sets on the Nodes of its machines, key and value. A machine with `reinstall`
    # whose Node has this label already is not reset again.
    mark: tuple[str, str] | None = None
    # The Secret with the login of all machines, which documents.with_secret turns into logins.
    secret: SecretName | None = None
    # The node from which the machines of a NodeTask are reached, for the controller only.
    proxy_node: str = ""
    # Documents of kubeadm for `edgeadm init`, such as a KubeletConfiguration.
    kubeadm_documents: tuple[Mapping[str, object], ...] = ()
    # The version of Kubernetes that the document wants; empty for that of the package.
    version: str = ""

    def control_planes(self) -> tuple[Machine, ...]:
        """The machines that shall be control planes, in the order of the document."""
        return tuple(each for each in self.machines if each.role is Role.CONTROL_PLANE)
