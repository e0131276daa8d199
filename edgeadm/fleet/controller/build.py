"""A fleet of a NodeTask, and the parts of the engine for it: the same in the controller and in a Job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeadm.apps.fleet import NODE_LABEL
from edgeadm.fleet.controller.errors import StoreError
from edgeadm.fleet.controller.runner import Wanted
from edgeadm.fleet.model import Fleet, Limits, Machine
from edgeadm.hosts.ssh.target import HostKeys, Login, Target, Trust
from edgeadm.phases.fleet.packages import SUFFIX

# Machines of a task at the same time.
CONCURRENCY = 32


@dataclass(frozen=True)
class Connection:
    """The values for all connections of a task. `keys` is the directory of accepted host keys, one file for
    each machine."""

    login: Login
    port: int
    keys: Path

    def learned(self, name: str) -> Path:
        """The file of the accepted keys of a machine."""
        return self.keys / name

    def host_keys(self, name: str) -> tuple[str, ...]:
        """The accepted keys of a machine: type and key."""
        try:
            lines = self.learned(name).read_text(encoding="utf-8").splitlines()
        except OSError:
            return ()
        return tuple(dict.fromkeys(" ".join(each.split()[1:3]) for each in lines if len(each.split()) > 2))


def fleet_of(
    task: str, label: str, wanted: Sequence[Wanted], connection: Connection, packages: Mapping[str, str]
) -> Fleet:
    """The fleet of these machines."""
    machines = tuple(_machine(each, connection) for each in wanted)
    return Fleet(
        name=task,
        machines=machines,
        packages=packages,
        limits=Limits(concurrency=CONCURRENCY),
        kind="NodeTask",
        mark=(NODE_LABEL, label),
    )


def stored_packages(folder: Path) -> dict[str, str]:
    """The stored packages by architecture. Raises StoreError if there is none."""
    found = {arch: str(path) for arch, path in _packages(folder)}
    if not found:
        raise StoreError(
            f"{folder} contains no offline package",
            hint="run `edgeadm addon fleet --install-pkg-path FILE` on the control planes",
        )
    return found


def _packages(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names are `kubernetes-ARCH-VERSION-HASH.tar.zst`."""
    for path in sorted(folder.glob(f"kubernetes-*{SUFFIX}")):
        yield path.name.split("-")[1], path


def _machine(wanted: Wanted, connection: Connection) -> Machine:
    keys = HostKeys(
        Trust.ACCEPT_NEW,
        pinned=wanted.known_keys,
        learned=None if wanted.known_keys else connection.learned(wanted.name),
    )
    target = Target(wanted.address, connection.port, connection.login, keys)
    return Machine(wanted.name, target, reinstall=wanted.reinstall)
