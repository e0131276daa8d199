"""The clusters that `edgeadm apply` created: their admin.conf and the record of the applied document.

One directory per cluster, `clusters/NAME` below the state directory of the user, for its owner only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeadm.assets import state_root
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.hosts import LocalHost
from edgeadm.hosts.ssh.target import Target

KUBECONFIG, RECORD = "admin.conf", "cluster.json"
SCHEMA = 1


def clusters_root() -> Path:
    """The directory of all clusters of this user."""
    return state_root() / "clusters"


@dataclass(frozen=True)
class ClusterFolder:
    """The directory of a cluster; it may not exist yet. The name is that of a document, a DNS name."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def kubeconfig_path(self) -> Path:
        return self.path / KUBECONFIG

    def kubeconfig(self) -> bytes | None:
        """The admin.conf, if there is one."""
        return _read(self.kubeconfig_path)

    def keep_kubeconfig(self, data: bytes) -> None:
        """Store the admin.conf, readable by its owner only."""
        self._write(KUBECONFIG, data)

    def record(self) -> Mapping[str, Any]:
        """The record of the last `apply`, empty if there is none or it is damaged."""
        try:
            found = json.loads(_read(self.path / RECORD) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}

    def keep(self, fleet: Fleet, *, created: str, status: str, pruned: frozenset[str] = frozenset()) -> None:
        """Store the record: the machines of the document, and those of earlier documents that were not reset.
        It contains no credentials."""
        before = self.record()
        old = {name: each for name, each in (before.get("machines") or {}).items() if name not in pruned}
        document = {
            "schema": SCHEMA,
            "name": self.name,
            "kind": fleet.kind,
            "created": before.get("created") or created,
            "applied": created,
            "endpoint": fleet.cluster.endpoint,
            "status": status,
            "machines": {**old, **{each.name: _place(each) for each in fleet.machines}},
        }
        self._write(RECORD, json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")

    def removed(self, fleet: Fleet) -> tuple[Machine, ...]:
        """The recorded machines that the document does not contain any more. Their logins are those of a
        machine of the same site, or of the first machine: the record has none."""
        names = {each.name for each in fleet.machines}
        found = self.record().get("machines") or {}
        return tuple(
            _machine(name, place, fleet) for name, place in sorted(found.items()) if name not in names
        )

    def _write(self, name: str, data: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        LocalHost().write(str(self.path / name), data, 0o600)


def folder_of(name: str) -> ClusterFolder:
    """The directory of a cluster with a valid name."""
    return ClusterFolder(clusters_root() / name)


def known() -> Iterator[ClusterFolder]:
    """The clusters that were created, by name: those with control planes. A fleet that joins another cluster
    has a directory as well, for its record."""
    root = clusters_root()
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        folder = ClusterFolder(path)
        roles = {each.get("role") for each in (folder.record().get("machines") or {}).values()}
        if Role.CONTROL_PLANE.value in roles:
            yield folder


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _place(machine: Machine) -> dict[str, Any]:
    return {
        "address": machine.address,
        "port": machine.target.port,
        "user": machine.target.login.user,
        "role": machine.role.value,
        "site": machine.site,
    }


def _machine(name: str, place: Mapping[str, Any], fleet: Fleet) -> Machine:
    site = str(place.get("site") or "")
    near = [each for each in fleet.machines if each.site == site] or list(fleet.machines)
    like = near[0].target if near else Target("")
    target = Target(
        str(place["address"]), int(place["port"]), like.login, like.host_keys, like.jumps, like.connect
    )
    return Machine(name, target, Role(place["role"]), site)
