"""`edgeadm apply`: the order in which the machines of a document become a cluster.

The first control plane is initialised, further ones join in turn, because each changes the members of etcd,
and all other machines join together. Each stage is a run of the engine, which looks before it acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeadm.cluster import Object
from edgeadm.fleet.documents.errors import UnsupportedDocumentError
from edgeadm.fleet.errors import NotThisClusterError
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.fleet.record import labels_of
from edgeadm.kubeadm import compat
from edgeadm.package.manifest import Manifest

EDGE_VERSION = "edgeVersion"
SUPEREDGE = "superedge"


@dataclass(frozen=True)
class Stage:
    """Machines that are handled in one run of the engine. `keyed` tells that they need the certificates of
    the first control plane."""

    title: str
    machines: tuple[Machine, ...]
    keyed: bool = False


def stages(fleet: Fleet, nodes: Sequence[Object]) -> list[Stage]:
    """The stages if the cluster exists. `nodes` are those of the cluster: control planes that are among them
    are not joined again, only compared with the document."""
    names = {each["metadata"]["name"] for each in nodes}
    new = [each for each in fleet.control_planes() if each.name not in names]
    rest = tuple(each for each in fleet.machines if each not in new)
    return [
        *(Stage(f"control plane {each.name}", (each,), keyed=True) for each in new),
        Stage("machines", rest),
    ]


def member(fleet: Fleet, nodes: Sequence[Object]) -> Machine:
    """A control plane of the document that is a node of the cluster. Raises NotThisClusterError."""
    names = {each["metadata"]["name"] for each in nodes}
    found = next((each for each in fleet.control_planes() if each.name in names), None)
    if found is None:
        raise NotThisClusterError(
            "no control plane of the document is a node of its cluster",
            context=f"the nodes of the cluster: {', '.join(sorted(names)[:20])}",
            hint="keep one of the control planes in the document until others have joined",
        )
    return found


def verify_member(first: Machine, nodes: Sequence[Object]) -> None:
    """Raise NotThisClusterError unless the first control plane is a node of the cluster of its admin.conf."""
    names = sorted(each["metadata"]["name"] for each in nodes)
    if first.name not in names:
        raise NotThisClusterError(
            f"{first.address} is a control plane of a cluster without a node `{first.name}`",
            context=f"its nodes: {', '.join(names[:20])}",
            hint="correct the address or the name; or reset that machine with `edgeadm nodes reset`",
        )


def fitted(fleet: Fleet, manifests: Mapping[str, Manifest]) -> Fleet:
    """The fleet with the versions of its packages. A version of Kubernetes that edgeadm supports, but that a
    package does not have, raises UnsupportedDocumentError; another version of the SuperEdge components is
    replaced by that of the packages, with a warning."""
    warnings = list(fleet.warnings)
    machines: Sequence[Machine] = fleet.machines
    for arch, manifest in manifests.items():
        if fleet.version and not compat.same_release(fleet.version, manifest.kubernetes):
            raise UnsupportedDocumentError(
                f"the document wants Kubernetes {fleet.version}, and the package for {arch} has "
                f"{manifest.kubernetes}",
                hint=f"build one with `edgeadm package build --kubernetes {fleet.version} --arch {arch}`",
            )
        there = manifest.components.get(SUPEREDGE, "")
        given = {str(each.settings[EDGE_VERSION]) for each in machines if EDGE_VERSION in each.settings}
        for version in sorted(given - {there}) if there else ():
            warnings.append(f"SuperEdge {version}: the package for {arch} has {there}, which is installed")
            machines = [_with(each, {EDGE_VERSION: there}) for each in machines]
    return replace(fleet, machines=tuple(machines), warnings=tuple(warnings))


def _with(machine: Machine, settings: Mapping[str, Any]) -> Machine:
    if not settings.keys() & machine.settings.keys():
        return machine
    return replace(machine, settings={**machine.settings, **settings})


def patches(fleet: Fleet, nodes: Sequence[Object]) -> list[Object]:
    """The patches for Nodes that lack labels or taints of the document: `edgeadm init` sets none, and a
    document may change. Other labels and taints stay."""
    live = {each["metadata"]["name"]: each for each in nodes}
    found = (patch(fleet, each, live[each.name]) for each in fleet.machines if each.name in live)
    return [each for each in found if each]


def patch(fleet: Fleet, machine: Machine, node: Object) -> Object:
    """The patch for one Node; empty if it has the labels and taints of the document."""
    there = node["metadata"].get("labels") or {}
    taints = list((node.get("spec") or {}).get("taints") or ())
    known = {(each["key"], each.get("value") or "", each["effect"]) for each in taints}
    new = [each for text in machine.taints if (each := _taint(text)) not in known]
    replaced = {(key, effect) for key, _, effect in new}
    kept = [each for each in taints if (each["key"], each["effect"]) not in replaced]
    lacking = {key: value for key, value in labels_of(fleet, machine).items() if there.get(key) != value}
    if not lacking and not new:
        return {}
    found: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": machine.name}}
    if lacking:
        found["metadata"]["labels"] = lacking
    if new:
        added = [{"key": key, "value": value, "effect": effect} for key, value, effect in new]
        found["spec"] = {"taints": [*kept, *added]}
    return found


def _taint(text: str) -> tuple[str, str, str]:
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    return key, value, effect


def prunable(removed: Sequence[Machine]) -> tuple[tuple[Machine, ...], tuple[Machine, ...]]:
    """The removed machines that may be reset, and the control planes among them, which are not: each is a
    member of etcd."""
    kept = tuple(each for each in removed if each.role is Role.CONTROL_PLANE)
    return tuple(each for each in removed if each not in kept), kept
