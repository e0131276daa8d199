"""Leftovers of a reset that look like edgeadm's or Kubernetes', with the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from edgeadm.core.block import has_block
from edgeadm.core.phase import Context
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.hosts import facts
from edgeadm.node import node_object, own_files, ownership
from edgeadm.node.cluster_rules import chains_left
from edgeadm.node.cni_files import LINKS
from edgeadm.node.name import node_name
from edgeadm.node.paths import HOSTS
from edgeadm.node.pods import MOUNTS, pod_processes

PROGRAMS = ("kubeadm", "kubelet", "kubectl", "containerd", "containerd-shim-runc-v2", "ctr", "runc")
FOLDERS = ("/usr/bin", "/usr/local/bin")
UNIT_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system")
CONFIGURATION = ("/etc/cni/net.d", "/opt/cni/bin", "/etc/containerd")
COPIES = {
    "/root/.kube/config": "a copy of a kubeconfig, not created by edgeadm",
    "/root/.cache/edgeadm/packages": "downloaded packages, kept for later use",
}
NOT_OURS = "not created by edgeadm"


@dataclass(frozen=True)
class Left:
    """One thing that is still there."""

    what: str
    reason: str


@dataclass(frozen=True)
class Witness:
    """What only the journal and the cluster's files could tell, looked up before they were removed."""

    lost: bool = False
    before: dict[str, object] = field(default_factory=dict)
    node: str = ""
    stays: str = ""


def look(ctx: Context) -> Witness:
    """To be called before the first phase."""
    every = (*ctx.inventory.places, *ctx.inventory.shared)
    seen = {path: ownership.was_there(ctx, path) for path in every}
    node = stays = ""
    if node_object.is_member(ctx):
        stays = node_object.why_it_stays(ctx, answers=node_object.api_answers(ctx))
        node = "" if not stays and node_object.is_last(ctx) else node_name(ctx)
    return Witness(ownership.is_lost(ctx), {path: was for path, was in seen.items() if was}, node, stays)


def find(ctx: Context, witness: Witness) -> list[Left]:
    """To be called after the last phase."""
    return [
        *_listed(ctx, witness),
        *_places(ctx, witness),
        *_programs(ctx, witness),
        *_units(ctx),
        *_network(ctx),
        *_running(ctx),
        *(Left(path, reason) for path, reason in COPIES.items() if ctx.host.stat(path) is not None),
    ]


def _listed(ctx: Context, witness: Witness) -> Iterator[Left]:
    what = f"Node `{witness.node}` in the cluster"
    if witness.node and witness.stays:
        yield Left(what, witness.stays)
    elif witness.node:
        try:
            if ctx.connect().get("v1", "Node", witness.node) is not None:
                yield Left(what, f"delete it with `kubectl delete node {witness.node}` on a control plane")
        except (ApiError, UnreachableError) as error:
            yield Left(what, f"it could not be queried: {error.message}")


def _places(ctx: Context, witness: Witness) -> Iterator[Left]:
    for path in (*ctx.inventory.places, *CONFIGURATION):
        names = [name for name in ctx.host.names(path) if name != "lost+found"]
        if names:
            yield Left(path, _why(path, witness))
    for path in own_files.OWN_FOLDERS:
        if ctx.host.stat(path) is not None:
            yield Left(path, "the phase that removes it did not run")
    if has_block(ctx.host.read(HOSTS) or b""):
        yield Left(f"edgeadm's lines in {HOSTS}", "the phase that removes them did not run")


def _programs(ctx: Context, witness: Witness) -> Iterator[Left]:
    for folder in FOLDERS:
        for name in PROGRAMS:
            if ctx.host.stat(f"{folder}/{name}") is not None:
                yield Left(f"{folder}/{name}", _why("", witness))


def _units(ctx: Context) -> Iterator[Left]:
    for folder in UNIT_FOLDERS:
        for unit in ctx.inventory.units:
            path = f"{folder}/{unit.file.rpartition('/')[2]}"
            if ctx.host.stat(path) is not None:
                yield Left(path, NOT_OURS)


def _network(ctx: Context) -> Iterator[Left]:
    for link in sorted(facts.links(ctx.host) & {*ctx.inventory.links, *LINKS}):
        yield Left(f"interface {link}", NOT_OURS)
    chains = chains_left(ctx)
    if chains:
        yield Left(f"{chains} iptables chains of Kubernetes", NOT_OURS)


def _running(ctx: Context) -> Iterator[Left]:
    pods = len(list(pod_processes(ctx)))
    if pods:
        yield Left(f"{pods} processes of Pods", NOT_OURS)
    for path in facts.mount_points(ctx.host):
        if path.startswith(MOUNTS):
            yield Left(f"mount {path}", NOT_OURS)


def _why(path: str, witness: Witness) -> str:
    if path in witness.before:
        return "it was not empty before edgeadm"
    if witness.lost:
        return "the journal is missing, so its origin is unknown"
    return NOT_OURS
