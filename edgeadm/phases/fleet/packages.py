"""The offline packages that the fleet controller installs on machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from edgeadm.apps import fleet
from edgeadm.apps.facts import has_cluster, labels_of
from edgeadm.cluster import Object
from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import EdgeadmError
from edgeadm.node.name import own_name
from edgeadm.package.opened import OpenPackage

SUFFIX = ".tar.zst"
PARENT = fleet.PACKAGES.rpartition("/")[0]


class FleetPackageError(EdgeadmError):
    """The fleet controller requires an offline package as a file, on a control plane of the cluster."""

    code = "fleet-package"


@dataclass(frozen=True)
class PackageFile:
    """The package itself as a Source for a Host."""

    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def local(self) -> Path:
        """Its path."""
        return self.path


@dataclass(frozen=True)
class FleetPackages(Phase):
    """Stores the package on this control plane, and labels the node: the controller runs on nodes that store
    packages. A package replaces an earlier one for its architecture. `detach` deletes all of them."""

    name: str = "packages"
    summary: str = "store the package for the machines of NodeTasks"
    leaves: ClassVar[Leaves] = Leaves(shared=(PARENT, fleet.PACKAGES))

    def check(self, ctx: Context) -> Verdict:
        if not has_cluster(ctx):
            return Verdict(needed=True, reason="there is no cluster yet")
        if ctx.package is None:
            if _stored(ctx):
                return Verdict(needed=False, reason=f"{fleet.PACKAGES} contains a package")
            return Verdict(needed=True, reason="no package was given, and none is stored on this host")
        wanted = _path(ctx.package)
        if ctx.host.stat(wanted) is None or _older(ctx, ctx.package):
            return Verdict(needed=True, reason=f"to store: {wanted}")
        if not _is_labelled(ctx):
            return Verdict(needed=True, reason="to label this node")
        return Verdict(needed=False, reason=f"{wanted} is stored")

    def apply(self, ctx: Context) -> None:
        name, cluster = own_name(ctx.host), ctx.connect()
        if cluster.version() and cluster.get("v1", "Node", name) is None:
            raise FleetPackageError(
                "this host is not a node of the cluster, but packages are stored on control planes",
                hint="run the command on a control plane",
            )
        if ctx.package is not None:
            self._store(ctx, ctx.package)
        elif not _stored(ctx):
            raise FleetPackageError(
                "no package was given, and none is stored on this host",
                hint="pass the package for the machines with `--install-pkg-path`",
            )
        # Not `apply`: edgeadm would give up its other label of the node.
        cluster.patch(_node(name, {fleet.STORE_LABEL: ""}))

    def detached(self, ctx: Context) -> list[str]:
        """The stored packages, and the labels of nodes."""
        names = [_node_name(each) for each in _labelled(ctx)]
        return [*_stored(ctx), *(f"the label of Node/{each}" for each in names)]

    def detach(self, ctx: Context) -> None:
        """Delete the packages of this host, and the labels of all nodes."""
        for path in _stored(ctx):
            ctx.host.remove(path)
            ctx.say(f"removed {path}")
        others = []
        for each in _labelled(ctx):
            ctx.connect().patch(_node(_node_name(each), {fleet.STORE_LABEL: None}))
            if _node_name(each) != own_name(ctx.host):
                others.append(_node_name(each))
        if others:
            ctx.warn(f"these nodes store packages until `edgeadm reset`: {', '.join(others)}")
        if ctx.host.stat(fleet.PACKAGES) is not None:
            ctx.host.run("rmdir", "--ignore-fail-on-non-empty", fleet.PACKAGES, PARENT)

    def _store(self, ctx: Context, package: OpenPackage) -> None:
        if not package.path.is_file():
            raise FleetPackageError(
                f"{package.path} is not a file, but machines receive packages as files",
                hint="pass the package file",
            )
        package.check(ctx.say, room=False)
        path = _path(package)
        if ctx.host.stat(path) is None:
            ctx.host.put(PackageFile(package.path), path, 0o644)
            ctx.say(f"stored {path}")
        for older in _older(ctx, package):
            ctx.host.remove(older)
            ctx.say(f"removed {older}")


def _path(package: OpenPackage) -> str:
    manifest = package.manifest
    content = hashlib.sha256(manifest.to_json()).hexdigest()[:12]
    return f"{fleet.PACKAGES}/{_start(package)}{content}{SUFFIX}"


def _start(package: OpenPackage) -> str:
    return f"kubernetes-{package.manifest.arch}-{package.manifest.kubernetes}-"


def _stored(ctx: Context) -> list[str]:
    return [f"{fleet.PACKAGES}/{name}" for name in ctx.host.names(fleet.PACKAGES) if name.endswith(SUFFIX)]


def _older(ctx: Context, package: OpenPackage) -> list[str]:
    start = f"{fleet.PACKAGES}/kubernetes-{package.manifest.arch}-"
    return [each for each in _stored(ctx) if each.startswith(start) and each != _path(package)]


def _labelled(ctx: Context) -> Iterator[Object]:
    if has_cluster(ctx):
        yield from ctx.connect().list_objects("v1", "Node", labels=f"{fleet.STORE_LABEL}=")


def _is_labelled(ctx: Context) -> bool:
    found = ctx.connect().get("v1", "Node", own_name(ctx.host))
    return found is not None and fleet.STORE_LABEL in labels_of(found)


def _node_name(node: Object) -> str:
    return str(node["metadata"]["name"])


def _node(name: str, labels: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
