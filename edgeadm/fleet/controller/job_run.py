"""The process of a Job on a proxy node: runs the engine for the machines of its document."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm.apps.facts import NAMESPACE
from edgeadm.clock import CLOCK, Clock
from edgeadm.cluster import Object
from edgeadm.cluster.in_cluster import InCluster
from edgeadm.config.secret import Secret, secrets_in
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.controller import credentials
from edgeadm.fleet.controller.build import Connection, fleet_of
from edgeadm.fleet.controller.direct import Listener
from edgeadm.fleet.controller.document import RESULTS, TASK, JobDocument, Offered, Results
from edgeadm.fleet.controller.errors import ProxyError, StoreError
from edgeadm.fleet.controller.job import TOKENS
from edgeadm.fleet.errors import ClusterAwayError
from edgeadm.fleet.events import FleetEvent, MachineChanged
from edgeadm.fleet.former import has_address
from edgeadm.fleet.model import Machine
from edgeadm.fleet.states import State
from edgeadm.fleet.tokens import answered
from edgeadm.fleet.work import Ticket

# Seconds until a requested token or deletion is expected, and for which a token is used.
PATIENCE = 300.0
FRESH = 500.0
POLL = 1.0
FOREVER = float("inf")


@dataclass
class Outbox:
    """Writes the results into the ConfigMap of the Job, from one thread, as often as they change. An API
    server that does not respond delays only the news."""

    cluster: InCluster
    name: str
    listener: Listener
    deletes: set[str] = field(default_factory=set)
    wants: dict[str, str] = field(default_factory=dict)
    formers: dict[str, str] = field(default_factory=dict)
    _changed: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sent: str = ""

    def changed(self) -> None:
        """Write soon."""
        self._changed.set()

    def work(self) -> None:
        """Write until the process ends."""
        while True:
            self._changed.wait()
            self._changed.clear()
            CLOCK.poll(self.write, FOREVER, POLL)

    def write(self) -> bool:
        """Write the results now; returns whether they are written."""
        with self._lock:
            states = dict(self.listener.states)
            text = Results(states, sorted(self.deletes), dict(self.wants), dict(self.formers)).text()
            if text == self._sent:
                return True
            meta = {"name": self.name, "namespace": NAMESPACE}
            obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {RESULTS: text}}
            try:
                self.cluster.patch(obj)
            except (ApiError, UnreachableError):
                return False
            self._sent = text
            return True

    def handle(self, event: FleetEvent) -> None:
        """A report of the engine. A token is requested while the machine receives its files."""
        self.listener.handle(event)
        if isinstance(event, MachineChanged):
            if event.state is State.CHECKED:
                self.want(event.machine)
            self.changed()

    def close(self) -> None:
        """Does nothing."""

    def want(self, machine: str) -> str:
        """Request a token; returns the word of the request."""
        self.wants[machine] = word = secrets.token_hex(8)
        self.changed()
        return word


@dataclass
class JobAdmission:
    """Requests tokens and the deletion of Nodes from the controller: a Job has no such permissions."""

    cluster: InCluster
    outbox: Outbox
    folder: Path
    endpoint: str
    ca_hash: str
    exists: bool = True
    clock: Clock = CLOCK
    _wanted: dict[str, tuple[str, float]] = field(default_factory=dict)

    def nodes(self) -> Sequence[Object]:
        return answered(lambda: self.cluster.list_objects("v1", "Node"))

    def new_id(self) -> str:
        """The controller chooses the ID."""
        return ""

    def ticket(self, machine: Machine, token_id: str, run: str) -> Ticket:  # noqa: ARG002
        """The token that the controller stored for this request. Each is used once, and only while it is
        new."""
        word, since = self.outbox.wants.get(machine.name, ""), self._since(machine.name)
        if not word or self.clock.now() - since > FRESH:
            word = self.outbox.want(machine.name)
            since = self._since(machine.name)
        found = self.clock.poll(lambda: self._token(machine.name, word), PATIENCE, POLL)
        if found:
            self.outbox.wants.pop(machine.name, None)
            return Ticket(self.endpoint, self.ca_hash, Secret(found))
        raise ClusterAwayError(
            f"the controller created no token for {machine.name} within {PATIENCE:g} s",
            hint="check that the fleet controller runs",
        )

    def revoke(self, token_id: str) -> None:
        """The controller revokes a token as soon as its machine is finished."""

    def delete_node(self, name: str) -> None:
        self.outbox.deletes.add(name)
        self.outbox.changed()
        self._wait_gone(name)
        self.outbox.deletes.discard(name)
        self.outbox.changed()

    def delete_former(self, machine: Machine, node: Object) -> None:
        """The controller deletes only a Node with the address of the machine; another one is kept."""
        if not has_address(node, machine.address):
            return
        name = node["metadata"]["name"]
        self.outbox.formers[machine.name] = name
        self.outbox.changed()
        self._wait_gone(name)
        self.outbox.formers.pop(machine.name, None)
        self.outbox.changed()

    def patch_node(self, name: str, patch: Callable[[Object], Object]) -> None:
        """The controller sets the label of the task, and no other."""

    def _wait_gone(self, name: str) -> None:
        """Wait until the Node does not exist. Raises ClusterAwayError."""

        def is_gone() -> bool:
            return all(each["metadata"]["name"] != name for each in self.nodes())

        if not self.clock.poll(is_gone, PATIENCE, POLL):
            raise ClusterAwayError(f"the controller did not delete the node {name} within {PATIENCE:g} s")

    def _since(self, machine: str) -> float:
        """The time at which this process first saw the current request for the machine."""
        word = self.outbox.wants.get(machine, "")
        known = self._wanted.get(machine)
        if known is None or known[0] != word:
            known = self._wanted[machine] = word, self.clock.now()
        return known[1]

    def _token(self, machine: str, word: str) -> str:
        try:
            found = json.loads((self.folder / TOKENS).read_text(encoding="utf-8")).get(machine) or {}
        except (OSError, ValueError):
            return ""
        return str(found.get("token", "")) if found.get("word") == word else ""


def fetched(cluster: InCluster, path: str, offered: Offered, folder: Path) -> Path:
    """The package, from the controller through the API server: continued after each lost connection, and
    verified. Raises StoreError."""
    target = folder / f"{offered.sha256}.tar.zst"
    problem = ""

    def receive() -> bool:
        nonlocal problem
        size = target.stat().st_size if target.exists() else 0
        try:
            if size < offered.size:
                with target.open("ab") as file:
                    for piece in cluster.stream(f"{path}/files/{offered.sha256}", size):
                        file.write(piece)
            with target.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == offered.sha256:
                    return True
            target.unlink()
            problem = "its content is not that of the controller"
        except (ApiError, UnreachableError) as error:
            problem = error.message
        return False

    if CLOCK.poll(receive, PATIENCE * 2, POLL * 5):
        return target
    raise StoreError(f"the package for {offered.arch} was not received: {problem}")


def perform(cluster: InCluster, name: str, folder: Path, work: Path) -> int:
    """The run of a Job; returns its exit status."""
    from edgeadm.fleet.controller.engines import real_engine
    from edgeadm.hosts.ssh.dialer import SshDialer

    found = cluster.get("v1", "ConfigMap", name, NAMESPACE)
    if found is None:
        raise ProxyError(f"ConfigMap/{NAMESPACE}/{name} does not exist")
    document = JobDocument.parse(found["data"][TASK])
    fields = {
        each: (folder / each).read_text(encoding="utf-8")
        for each in (credentials.KEY, credentials.PASSWORD)
        if (folder / each).is_file()
    }
    login = credentials.from_fields(fields, name)
    keys = work / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    connection = Connection(login, document.port, keys)
    outbox = Outbox(cluster, name, Listener(connection, set(secrets_in(login))))
    packages = {each.arch: str(fetched(cluster, document.path, each, work)) for each in document.packages}
    fleet = fleet_of(document.task, document.label, document.machines, connection, packages)
    admission = JobAdmission(cluster, outbox, folder, document.endpoint, document.ca_hash)
    threading.Thread(target=outbox.work, name="results", daemon=True).start()
    engine = real_engine(
        fleet,
        (),
        admission,
        outbox,
        dialer=SshDialer(),
        bundles=Bundles(packages),
        endpoint=document.endpoint,
        ca_hash=document.ca_hash,
    )
    code = engine.run()
    CLOCK.poll(outbox.write, PATIENCE, POLL)
    return code
