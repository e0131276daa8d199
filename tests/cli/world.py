"""A command line on a machine in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from edgeadm.autonomy.nearby import Nearby, NearbyServers
from edgeadm.cli import root
from edgeadm.cli.outcome import run
from edgeadm.cli.session import World
from edgeadm.cluster import Cluster
from edgeadm.drill.probes import Probes
from edgeadm.hosts import Host
from tests.machine import Machine


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    status: int
    out: str
    err: str


def edgeadm(
    machine: Machine,
    *args: str,
    is_root: bool = True,
    stdin: str = "",
    probes: Probes | None = None,
    nearby: Nearby | None = None,
) -> Ended:
    """Run a command line as main() does, on the machine; an option --install-pkg-path means its package."""

    def cluster(_host: Host) -> Cluster:
        return machine.cluster

    world = World(
        host=lambda: machine.host,
        cluster=cluster,
        cluster_of=lambda _kubeconfig: machine.cluster,
        package=lambda config, role: machine.packed_for(role) if config.install_pkg_path else None,
        outside=lambda _ticket: machine.outside(),
        nearby=lambda: nearby or NearbyServers(),
        is_root=lambda: is_root,
        probes=probes or Probes(),
        lock=machine.folder / "lock",
        logs=machine.folder / "logs",
    )
    with CliRunner().isolation(input=stdin) as (out, err, _):
        status = run(root, list(args), obj=world)
        return Ended(status, out.getvalue().decode(), err.getvalue().decode())


def logs(machine: Machine) -> str:
    """Everything that was logged."""
    folder: Path = machine.folder / "logs"
    return "".join(path.read_text() for path in sorted(folder.glob("*"))) if folder.exists() else ""
