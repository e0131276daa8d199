"""The process of the controller: election, loop, runners, and the server of files."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm import pki
from edgeadm.cluster import Store
from edgeadm.cluster.in_cluster import InCluster
from edgeadm.cluster.lease import Election
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.controller.admission import announced
from edgeadm.fleet.controller.build import stored_packages
from edgeadm.fleet.controller.clusters import Clusters
from edgeadm.fleet.controller.direct import Direct
from edgeadm.fleet.controller.document import Offered
from edgeadm.fleet.controller.errors import StoreError
from edgeadm.fleet.controller.loop import Loop
from edgeadm.fleet.controller.notes import Notes
from edgeadm.fleet.controller.proxied import Proxied
from edgeadm.fleet.controller.serve import Files, Server
from edgeadm.fleet.engine import Engine
from edgeadm.fleet.events import FleetReport
from edgeadm.fleet.model import Fleet, Role
from edgeadm.fleet.pool import Pool, ThreadPool
from edgeadm.fleet.revocation import Token
from edgeadm.fleet.tokens import Admission
from edgeadm.hosts.process import execute
from edgeadm.package.checksum import file_sha256
from edgeadm.package.launcher import command
from edgeadm.package.machine import this_arch

# Seconds between two rounds, between two renewals, and until a loop without a round counts as dead.
ROUND = 3.0
RENEWAL = 4.0
DEAD = 180.0
# Seconds for one `apply` of a cluster.
LONGEST = 7200.0


@dataclass(frozen=True)
class Settings:
    """The flags of the controller."""

    namespace: str
    image: str
    packages: Path
    work: Path
    port: int
    identity: str


@dataclass
class Beat:
    """The time of the last round, for the probe of kubelet."""

    clock: Callable[[], float] = time.monotonic
    at: float = field(default_factory=time.monotonic)

    def now(self) -> None:
        """A round has begun."""
        self.at = self.clock()

    def alive(self) -> bool:
        """Whether rounds begin."""
        return self.clock() - self.at < DEAD


@dataclass
class Offers:
    """The packages for proxy nodes: reduced to edge nodes, if edgeadm itself need not be in the package."""

    settings: Settings
    files: Files
    pool: Pool = field(default_factory=ThreadPool)
    _known: dict[str, list[Offered]] = field(default_factory=dict)
    _problem: EdgeadmError | None = None
    _busy: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> list[Offered]:
        """Every stored package. Raises StoreError while they are prepared, which takes a minute, and the
        errors of packages."""
        found = self._known.get(self._names())
        if found is not None:
            return found
        problem, self._problem = self._problem, None
        self.prepare()
        raise problem or StoreError(
            "the packages for proxy nodes are being prepared", hint="the task continues by itself"
        )

    def prepare(self) -> None:
        """Prepare the packages beside the loop, unless that is being done or there is none."""
        try:
            names = self._names()
        except StoreError:
            return
        with self._lock:
            if self._busy or names in self._known:
                return
            self._busy = True
        self.pool.start("packages", self._prepare)

    def _names(self) -> str:
        return repr(sorted(stored_packages(self.settings.packages).items()))

    def _prepare(self) -> None:
        try:
            names = self._names()
            self._known[names] = self._cut()
        except EdgeadmError as error:
            self._problem = error
        finally:
            self._busy = False

    def _cut(self) -> list[Offered]:
        found = []
        packages = stored_packages(self.settings.packages)
        bundles = Bundles(packages, self.settings.work / "fleet")
        for arch in sorted(packages):
            if arch == this_arch():
                piece = bundles.of(arch, Role.EDGE).package
                path, sha256 = piece.path, piece.sha256
            else:
                path = Path(packages[arch])
                sha256 = file_sha256(path)
            self.files.add(sha256, path)
            found.append(Offered(arch, sha256, path.stat().st_size))
        return found


def run(settings: Settings, say: Callable[[str], None], stopped: threading.Event) -> None:
    """Run until `stopped` is set."""
    cluster = InCluster()
    election = Election(cluster, settings.namespace, "fleet-controller", settings.identity)
    beat, files = Beat(), Files()
    Server(settings.port, files, beat.alive, lambda: True).begin()
    threading.Thread(target=_renew, args=(election, stopped, say), name="lease", daemon=True).start()
    loop = build(settings, cluster, pki.discovery_hash(cluster.authority()), election, files, say)
    was = False
    while not stopped.wait(ROUND):
        beat.now()
        if election.holds != was:
            was = not was
            say("this replica is the leader" if was else "another replica is the leader")
        if not was:
            loop.pause()
            continue
        try:
            loop.step()
        except EdgeadmError as error:
            say(f"the round ended: {error.message}")
    loop.pause()
    election.release()


def build(
    settings: Settings,
    store: Store,
    ca_hash: str,
    election: Election,
    files: Files,
    say: Callable[[str], None],
) -> Loop:
    """The loop with its runners."""
    from edgeadm.fleet.controller.engines import real_engine
    from edgeadm.hosts.ssh.dialer import SshDialer

    dialer = SshDialer()

    def holds() -> bool:
        return election.holds

    def make(fleet: Fleet, tokens: Sequence[Token], admission: Admission, report: FleetReport) -> Engine:
        return real_engine(
            fleet,
            tokens,
            admission,
            report,
            dialer=dialer,
            bundles=Bundles(fleet.packages, settings.work / "fleet"),
            endpoint=announced(store),
            ca_hash=ca_hash,
            holds=holds,
        )

    direct = Direct(store, settings.packages, settings.work, ca_hash, holds, make, say)
    path = f"/api/v1/namespaces/{settings.namespace}/services/http:fleet-controller:{settings.port}/proxy"
    offers = Offers(settings, files)
    files.wanted = offers.prepare
    proxied = Proxied(store, settings.image, ca_hash, path, holds, offers)
    notes = Notes(store, settings.identity, say)
    clusters = Clusters(
        store, settings.packages, settings.work, _applied(settings.work), notes, holds, time.monotonic
    )
    return Loop(store, direct, proxied, notes, holds, clusters=clusters.step)


def _applied(work: Path) -> Callable[[Path, Sequence[str]], tuple[int, str]]:
    """`edgeadm apply` in a process of its own, whose memory is freed when it ends."""

    def apply(file: Path, packages: Sequence[str]) -> tuple[int, str]:
        options = [word for each in packages for word in ("--install-pkg-path", each)]
        argv = [*own_command(), "fleet-cluster", "--file", str(file), *options]
        done = execute(argv, env={"XDG_STATE_HOME": str(work / "state")}, timeout=LONGEST)
        return done.code, done.out

    return apply


def own_command() -> list[str]:
    """The command line of this program."""
    if not getattr(sys, "frozen", False):
        return [sys.executable, "-m", "edgeadm"]
    inside = Path(sys.executable).resolve().parent
    return command(str(inside), next(inside.glob("ld-*")).name)


def _renew(election: Election, stopped: threading.Event, say: Callable[[str], None]) -> None:
    while not stopped.is_set():
        try:
            election.renew()
        except Exception as error:  # noqa: BLE001  the next attempt decides, until the deadline
            say(f"the Lease was not renewed: {type(error).__name__}")
        stopped.wait(RENEWAL)
