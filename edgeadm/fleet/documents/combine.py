"""The documents of one file as one Fleet.

A NodeTask is alone in its file. NodeFleets of one file are one fleet. A Cluster has its Machines, and
NodeFleets with further machines, in its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from edgeadm.errors import ConfigError
from edgeadm.fleet.documents import fleets, node_fleet, node_task, tke, tke_fleet
from edgeadm.fleet.documents.credentials import Credentials
from edgeadm.fleet.documents.faults import Faults
from edgeadm.fleet.documents.node_fleet import Ssh
from edgeadm.fleet.documents.overlay import Targets
from edgeadm.fleet.documents.parts import Body, Part
from edgeadm.fleet.model import Fleet, Limits

BODIES: Mapping[tuple[str, str], type[Body]] = {
    (node_fleet.API, node_fleet.KIND): node_fleet.NodeFleet,
    (node_task.API, node_task.KIND): node_task.NodeTask,
    (tke.API, tke.CLUSTER): tke.Cluster,
    (tke.API, tke.MACHINE): tke.MachineObject,
}
B = TypeVar("B", bound=Body)


@dataclass(frozen=True)
class Surroundings:
    """The values that documents need from outside: credentials, the name of the source, and the options of
    the command (edgeadm/fleet/documents/load.py)."""

    credentials: Credentials
    source: str
    path: Path | None
    ssh: Ssh
    via: str = ""
    proxied: bool = False


def combined(documents: Sequence[Mapping[str, Any]], around: Surroundings) -> Fleet:
    """The Fleet of the documents, each with a known apiVersion and kind. Raises ConfigError."""
    faults = Faults()
    bodies = list(_read(documents, faults))
    faults.raise_if_any(around.source)
    fleet = _combined(bodies, around, faults)
    fleets.find_duplicates(fleet.machines, faults)
    faults.raise_if_any(around.source)
    return replace(fleet, warnings=tuple(faults.warnings))


def _read(documents: Sequence[Mapping[str, Any]], faults: Faults) -> Iterator[Body]:
    for at, document in enumerate(documents):
        faults.prefix = f"document {at + 1}: " if len(documents) > 1 else ""
        body = BODIES[document["apiVersion"], document["kind"]]
        found = Part(body).read(document, "", faults)
        if found is not None:
            yield found
    faults.prefix = ""


def _combined(bodies: list[Body], around: Surroundings, faults: Faults) -> Fleet:
    tasks, clusters = _only(bodies, node_task.NodeTask), _only(bodies, tke.Cluster)
    machines, nodes = _only(bodies, tke.MachineObject), _only(bodies, node_fleet.NodeFleet)
    targets = Targets(around.credentials, around.ssh)
    if tasks:
        if len(bodies) > 1:
            raise ConfigError(
                f"`{around.source}` contains a NodeTask and other documents",
                hint="write each NodeTask into a file of its own: each is a run of its own",
            )
        return node_task.fleet_of(tasks[0], targets, around.path, via=around.via, proxied=around.proxied)
    if len(clusters) > 1 or (machines and not clusters):
        raise ConfigError(
            f"`{around.source}` contains {len(clusters)} Clusters and {len(machines)} Machines",
            hint="write each Cluster, with its Machines, into a file of its own",
        )
    parts = [tke_fleet.fleet_of(each, machines, targets, faults, around.path) for each in clusters]
    parts += [fleets.fleet_of(each, around.credentials, faults, around.path) for each in nodes]
    return _merged(parts, faults)


def _only(bodies: Iterable[Body], kind: type[B]) -> list[B]:
    return [each for each in bodies if isinstance(each, kind)]


def _merged(parts: list[Fleet], faults: Faults) -> Fleet:
    """The parts as one fleet: the first one names it, and a later value wins for the address of the cluster
    and the limits."""
    whole = parts[0]
    for each in parts[1:]:
        for name in whole.sites.keys() & each.sites.keys():
            faults.add("spec.sites", f"the site `{name}` is in two documents")
        for arch in whole.packages.keys() & each.packages.keys():
            faults.add("spec.packages", f"the package for {arch} is in two documents")
        access = whole.cluster
        whole = replace(
            whole,
            machines=(*whole.machines, *each.machines),
            sites={**whole.sites, **each.sites},
            packages={**whole.packages, **each.packages},
            cluster=replace(
                access,
                endpoint=each.cluster.endpoint or access.endpoint,
                kubeconfig=each.cluster.kubeconfig or access.kubeconfig,
            ),
            limits=whole.limits if each.limits == Limits() else each.limits,
        )
    return whole
