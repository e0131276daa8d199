"""Runs of the engine in the process of the controller, one thread for each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeadm.cluster import Object, Store
from edgeadm.config.secret import masked, secrets_in
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.controller import credentials
from edgeadm.fleet.controller.admission import TaskAdmission, announced
from edgeadm.fleet.controller.build import Connection, fleet_of, stored_packages
from edgeadm.fleet.controller.job_pod import Trouble
from edgeadm.fleet.controller.runner import Told, Wanted
from edgeadm.fleet.controller.status import machines_of
from edgeadm.fleet.controller.task import Task
from edgeadm.fleet.engine import Engine
from edgeadm.fleet.events import FleetEvent, FleetReport, MachineChanged
from edgeadm.fleet.journal import Unrecorded
from edgeadm.fleet.model import Fleet
from edgeadm.fleet.pool import Pool, ThreadPool
from edgeadm.fleet.revocation import Token
from edgeadm.fleet.states import FINAL, State
from edgeadm.fleet.tokens import Admission

# An engine for a fleet, with tokens that earlier runs left behind, and the report of its events.
MakeEngine = Callable[[Fleet, Sequence[Token], Admission, FleetReport], Engine]


@dataclass
class Listener:
    """Keeps the newest state of each machine. It is a report of the engine."""

    connection: Connection
    secrets: set[str]
    states: dict[str, Told] = field(default_factory=dict)

    def handle(self, event: FleetEvent) -> None:
        """Keep the state of a machine."""
        if not isinstance(event, MachineChanged):
            return
        keys = self.connection.host_keys(event.machine)
        message = str(masked(event.detail, self.secrets))
        if event.hint and event.code:
            message = f"{message}; {masked(event.hint, self.secrets)}"
        self.states[event.machine] = Told(event.state, event.code, message, keys)

    def close(self) -> None:
        """Does nothing."""


@dataclass
class Run:
    """A run of a task."""

    engine: Engine
    admission: TaskAdmission
    listener: Listener
    ended: bool = False


@dataclass
class Direct:
    """The runner for machines that the controller reaches. `packages` and `work` are directories."""

    store: Store
    packages: Path
    work: Path
    ca_hash: str
    holds: Callable[[], bool]
    make: MakeEngine
    say: Callable[[str], None] = lambda _text: None
    pool: Pool = field(default_factory=ThreadPool)
    _runs: dict[str, Run] = field(default_factory=dict)

    def is_running(self, obj: Object, task: Task) -> bool:  # noqa: ARG002
        run = self._runs.get(task.uid)
        return run is not None and not run.ended

    def trouble(self, obj: Object, task: Task) -> Trouble | None:  # noqa: ARG002
        return None

    def start(self, obj: Object, task: Task, machines: Sequence[Wanted]) -> None:
        """Start the engine in a thread. Raises CredentialError, StoreError and the errors of the API."""
        login = credentials.login(self.store, task.credential)
        keys = self.work / "keys" / task.uid
        keys.mkdir(parents=True, exist_ok=True)
        connection = Connection(login, task.port, keys)
        packages = stored_packages(self.packages)
        fleet = fleet_of(task.name, task.label, machines, connection, packages)
        admission = TaskAdmission(self.store, obj, self.ca_hash, announced(self.store), self.holds)
        listener = Listener(connection, set(secrets_in(login)))
        before = self._runs.get(task.uid)
        if before is not None:
            # The keys that earlier attempts accepted, and states of machines that are not part of this one.
            listener.states |= before.listener.states
        stale = [Token(each.token, Unrecorded(), each.name) for each in machines if each.token]
        for each in stale:
            admission.know(each.token_id, each.machine)
        engine = self.make(fleet, stale, admission, listener)
        run = self._runs[task.uid] = Run(engine, admission, listener)
        self.pool.start(f"task {task.name}", lambda: self._work(task, run))

    def tend(self, obj: Object, task: Task) -> None:
        """Revoke tokens of machines that are finished, which an earlier leader left behind."""
        if self.is_running(obj, task):
            return
        left = [each for each in machines_of(obj) if each.get("token") and each["state"] == State.READY]
        admission = TaskAdmission(self.store, obj, self.ca_hash, "", self.holds)
        for each in left:
            admission.know(each["token"], each["name"])
            admission.revoke(each["token"])

    def told(self, obj: Object, task: Task) -> Mapping[str, Told]:  # noqa: ARG002
        run = self._runs.get(task.uid)
        return dict(run.listener.states) if run else {}

    def forget(self, uid: str) -> None:
        run = self._runs.get(uid)
        if run is None:
            return
        if not run.ended:
            run.engine.stop("the NodeTask is finished or deleted")
            return
        del self._runs[uid]

    def stop(self) -> None:
        for run in self._runs.values():
            run.engine.stop("another replica of the controller is the leader now")

    def _work(self, task: Task, run: Run) -> None:
        try:
            run.engine.run()
        except EdgeadmError as error:
            self.say(f"NodeTask/{task.name}: the run ended: {error.message}")
        except Exception as error:  # noqa: BLE001  the loop starts another run
            self.say(f"NodeTask/{task.name}: the run ended with {type(error).__name__}")
        finally:
            run.ended = True
        for name, told in list(run.listener.states.items()):
            if told.state not in FINAL:
                run.listener.states[name] = replace(told, state=State.WAITING, code="fleet-run-ended")
