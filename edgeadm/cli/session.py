"""Opens the resources of a verb, and closes them: the host with its log and journal, the package, the API."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from edgeadm import __version__
from edgeadm.assets import cache_root
from edgeadm.autonomy.nearby import Nearby, NearbyServers
from edgeadm.cli import console, stream
from edgeadm.cli.report import PlainReport, Reporter
from edgeadm.cluster import Cluster, Outside
from edgeadm.cluster.dry import DryCluster, DryOutside
from edgeadm.config import Config
from edgeadm.config.secret import masked, secrets_in
from edgeadm.config.ticket import Ticket, role_of, ticket_of
from edgeadm.core import lock as locking
from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.phase import Context
from edgeadm.core.wait import NoWait, Wait
from edgeadm.drill.probes import Probes
from edgeadm.errors import EdgeadmError, NotRootError, UnreachableError
from edgeadm.hosts import DryHost, Host, LocalHost, LoggedHost, RememberedHost, RunLog
from edgeadm.node.state import ADMIN_CONF
from edgeadm.package.opened import OpenPackage
from edgeadm.workflows import INVENTORY

if TYPE_CHECKING:
    from edgeadm.cluster.access import Access
    from edgeadm.fleet.model import Fleet
    from edgeadm.fleet.run import Parts

T = TypeVar("T")


def open_cluster(host: Host) -> Cluster:
    """The API of the cluster whose admin.conf is on the host. Raises UnreachableError if there is none."""
    kubeconfig = host.read(ADMIN_CONF)
    if kubeconfig is None:
        raise UnreachableError(
            f"{ADMIN_CONF} does not exist", hint="check that `edgeadm init` has finished on this host"
        )
    return cluster_of(kubeconfig)


def cluster_of(kubeconfig: bytes) -> Cluster:
    """The API of a kubeconfig."""
    from edgeadm.cluster.kube import KubeCluster

    return KubeCluster(kubeconfig)


def open_package(config: Config, role: str) -> OpenPackage | None:
    """The configured package, downloaded if necessary. Raises the package's errors."""
    if not config.install_pkg_path:
        return None
    from edgeadm.package import open_source

    return OpenPackage.open(open_source(config.install_pkg_path, cache_root() / "packages"), role)


def open_outside(ticket: Ticket) -> Outside:
    """The API of the ticket's cluster. Raises the errors of discovery."""
    from edgeadm.cluster.discovery import discover

    return discover(ticket)


def open_fleet(fleet: Fleet, access: Access | None) -> Parts:
    """The parts of a run for the machines of a fleet."""
    from edgeadm.fleet.surroundings import parts_of

    return parts_of(fleet, access)


@dataclass(frozen=True)
class World:
    """The dependencies of a command line on the host. Tests put another one into click's context."""

    host: Callable[[], Host] = LocalHost
    cluster: Callable[[Host], Cluster] = open_cluster
    cluster_of: Callable[[bytes], Cluster] = cluster_of
    outside: Callable[[Ticket], Outside] = open_outside
    nearby: Callable[[], Nearby] = NearbyServers
    package: Callable[[Config, str], OpenPackage | None] = open_package
    is_root: Callable[[], bool] = lambda: os.geteuid() == 0
    probes: Probes = field(default_factory=Probes)
    fleet: Callable[[Fleet, Access | None], Parts] = open_fleet
    lock: Path = locking.PATH
    logs: Path = Path("/var/log/edgeadm")


@dataclass
class Session:
    """The resources of a verb: its context, and the log that failures refer to."""

    ctx: Context
    log: RunLog
    report: Reporter = field(default_factory=PlainReport)


@contextmanager
def changing(
    verb: str, config: Config, report: Reporter, *, journaled: bool = True, locked: bool = True
) -> Iterator[Session]:
    """A session that may change this host, with root, the lock, a log and the journal. Verbs that revert
    changes read the journal and pass `journaled=False`; verbs that end another run's work pass
    `locked=False`.

    Raises NotRootError, LockedError; the log's path is added to every other error.
    """
    here = world()
    if not here.is_root():
        raise NotRootError(f"`edgeadm {verb}` changes this host", hint="run it as root: `sudo edgeadm …`")
    name = f"{verb.replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    log = RunLog(here.logs / name, secrets_of(config))
    plain = here.host()
    holding = locking.lock(masked_command(config), here.lock) if locked else nullcontext()
    events = stream.current()
    # The set is shared, because the log learns of more secrets while the verb runs.
    events.secrets = log.secrets
    with holding, _log_named(log, report):
        log.add(f"edgeadm {__version__}, {verb}, run {events.run}")
        events.begin(verb, str(log.path))
        journal = Journal(plain, run=events.run)
        logged = LoggedHost(plain, log)
        known = RememberedHost(logged)
        host: Host = JournaledHost(known, journal) if journaled else known
        connect = _once(lambda: _cluster(here, plain, config))
        package, outside = here.package(config, _role(verb, config)), _outside(here, config)
        ctx = Context(
            config,
            host,
            journal,
            connect,
            INVENTORY,
            package,
            outside,
            warn=console.warn,
            discover=here.outside,
            wait=Wait(forget=known.forget),
            forget=known.forget,
        )
        with _unpacked_for_changes(package, journal):
            yield Session(ctx, log, report)


@contextmanager
def _unpacked_for_changes(package: OpenPackage | None, journal: Journal) -> Iterator[None]:
    """Remove the unpacked package if the run fails before its first change, so that the host is unchanged."""
    before = len(journal.records()) if package is not None else 0
    try:
        yield
    except BaseException:
        if package is not None and len(journal.records()) == before:
            package.close()
        raise


@contextmanager
def looking(verb: str, config: Config, note: Callable[[str], None], report: Reporter) -> Iterator[Session]:
    """A session that changes nothing: plan and dry run. `note` receives each change that would be made."""
    here = world()
    stream.current().secrets |= secrets_of(config)
    plain = here.host()
    journal = Journal(DryHost(plain, lambda _text: None))

    def dry() -> Cluster:
        there = config.addon.kubeconfig or plain.stat(ADMIN_CONF) is not None
        real = _cluster(here, plain, config) if there else None
        return DryCluster(real if real is not None and real.ready() else None, note)

    package, real = here.package(config, _role(verb, config)), _outside(here, config)
    if package is not None:
        package = replace(package, keeps=False)
    host = DryHost(RememberedHost(plain), note)
    ctx = Context(
        config,
        host,
        journal,
        _once(dry),
        INVENTORY,
        package,
        lambda: DryOutside(real(), note),
        warn=console.warn,
        wait=NoWait(note=note),
    )
    log = RunLog(here.logs / "never-written")
    with _log_named(log, report):
        yield Session(ctx, log, report)


def masked_command(config: Config) -> str:
    """The command line of this run without its secrets."""
    return str(masked(" ".join(["edgeadm", *sys.argv[1:]]), secrets_of(config)))


def secrets_of(config: Config) -> set[str]:
    """The secrets to mask: tokens and keys of flags and documents."""
    return set(secrets_in(config))


def world() -> World:
    """The World of this command line."""
    found = click.get_current_context().find_object(World)
    return found if found is not None else World()


def _cluster(world: World, host: Host, config: Config) -> Cluster:
    """The cluster of the named kubeconfig, else that of this host."""
    named = host.read(config.addon.kubeconfig) if config.addon.kubeconfig else None
    return world.cluster(host) if named is None else world.cluster_of(named)


def _role(verb: str, config: Config) -> str:
    return role_of(config) if verb == "join" else "control-plane"


def _outside(world: World, config: Config) -> Callable[[], Outside]:
    return _once(lambda: world.outside(ticket_of(config)))


def _once(make: Callable[[], T]) -> Callable[[], T]:
    made: list[T] = []

    def get() -> T:
        if not made:
            made.append(make())
        return made[0]

    return get


@contextmanager
def _log_named(log: RunLog, report: Reporter) -> Iterator[None]:
    try:
        yield
    except EdgeadmError as error:
        error.log = log.written
        raise
    finally:
        report.close()
