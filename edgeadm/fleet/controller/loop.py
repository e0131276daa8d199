"""The loop: compares each NodeTask with the Nodes of the cluster, and starts runs for the machines that are
missing. All decisions depend on objects of the API; a replica that starts continues where another one was
killed.

A machine is finished if the Node with its name has the label of the task and is Ready. The machine sets the
label itself when it registers, so that no machine is installed twice, even if the controller is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edgeadm.apps import fleet
from edgeadm.apps.facts import CONTROL_PLANES, labels_of
from edgeadm.cluster import Object, Store
from edgeadm.cluster.conditions import is_ready, is_true
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.controller import status
from edgeadm.fleet.controller.claims import claims, keys_of
from edgeadm.fleet.controller.errors import TaskError
from edgeadm.fleet.controller.notes import Notes
from edgeadm.fleet.controller.runner import Runner, Told, Wanted
from edgeadm.fleet.controller.task import Task, read
from edgeadm.fleet.states import FINAL, State

# Seconds before a run for the machines that are left, after each run of a task.
BACK_OFF = (15.0, 60.0, 120.0, 300.0, 600.0)
# Seconds until a node that has joined, but is not Ready, is looked at again.
PATIENCE = 300.0
CLAIMED = "fleet-claimed"


@dataclass
class Loop:
    """`holds` tells whether this replica is the leader; it is asked before each write."""

    store: Store
    direct: Runner
    proxied: Runner
    notes: Notes
    holds: Callable[[], bool] = lambda: True
    clock: Callable[[], float] = time.monotonic
    # One round over all Clusters.
    clusters: Callable[[], None] = lambda: None
    _attempts: dict[str, int] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _clean: set[str] = field(default_factory=set)

    def step(self) -> None:
        """One round over all tasks. A task whose objects cause an error does not stop the others; raises
        UnreachableError if the API does not respond."""
        tasks = sorted(self.store.list_objects(fleet.API, fleet.KIND), key=_age)
        self._forget({str(each["metadata"].get("uid", "")) for each in tasks})
        owners = claims(tasks)
        self.clusters()
        for obj in tasks:
            if not self.holds():
                self.pause()
                return
            try:
                self._reconcile(obj, tasks, owners)
            except EdgeadmError as error:
                if error.exit_code == 5:
                    raise
                self.notes.about(obj, "Error", error.message, warning=True, topic="error")

    def pause(self) -> None:
        """Start nothing new: this replica is not the leader any more."""
        self.direct.stop()
        self.proxied.stop()

    def _reconcile(self, obj: Object, tasks: list[Object], owners: Mapping[str, str]) -> None:
        try:
            task = read(obj)
        except TaskError as error:
            told = error.message
            self._write(obj, lambda found: _replace(found, status.refused(obj, told)))
            self.notes.about(obj, "Invalid", told, warning=True)
            return
        if self._is_unplanned(obj, task):
            # Names are stored before anything is done with them.
            names = self._names(obj, task)
            self._write(
                obj, lambda found: _replace(found, status.planned({**obj, "status": found}, task, names))
            )
            return
        if obj["status"].get("nodetaskStatus") == status.READY:
            self._clean_up(obj, task)
            return
        runner = self._runner(task)
        runner.tend(obj, task)
        nodes = self._nodes(task)
        states = runner.told(obj, task)
        current = self._write(obj, lambda found: self._merge(found, task, nodes, states, owners))
        if current is None:
            return
        self._report(obj, current)
        if current["status"]["nodetaskStatus"] == status.READY:
            return
        self._clean.discard(task.uid)
        if runner.is_running(current, task):
            self._watch(current, task, runner)
        else:
            self._start(current, task, runner, tasks, owners)

    def _watch(self, obj: Object, task: Task, runner: Runner) -> None:
        """Tell why a run that has begun does not work, and when it works again."""
        found = runner.trouble(obj, task)
        if found is not None:
            self._write(obj, lambda each: _blocked(each, task, found.reason, found.message))
            self.notes.about(obj, "Blocked", found.message, warning=True, topic="blocked")
        elif not is_true(obj, "Progressing"):
            count = sum(map(_is_due, obj["status"]["machines"]))
            self._write(obj, lambda each: _working(each, task, count))
            self.notes.about(obj, "Continues", "the run works", topic="blocked")

    def _is_unplanned(self, obj: Object, task: Task) -> bool:
        found = obj.get("status") or {}
        return (
            found.get("observedGeneration") != task.generation
            or found.get("nodeLabel") != task.label
            or not found.get("machines")
        )

    def _names(self, obj: Object, task: Task) -> dict[str, str]:
        """Names that are stored are kept."""
        before = obj.get("status") or {}
        old = {each["address"]: each["name"] for each in before.get("machines") or ()}
        same = before.get("nodeLabel") == task.label

        def taken(name: str) -> bool:
            return self.store.get("v1", "Node", name) is not None

        return task.named(taken, old if same else {})

    def _runner(self, task: Task) -> Runner:
        """A Job on the proxy node; the controller itself reaches what a control plane reaches."""
        if not task.proxy:
            return self.direct
        node = self.store.get("v1", "Node", task.proxy)
        if node is not None and any(role in labels_of(node) for role in CONTROL_PLANES):
            return self.direct
        return self.proxied

    def _nodes(self, task: Task) -> dict[str, Object]:
        """The Nodes that have the label of the task, by name."""
        found = self.store.list_objects("v1", "Node", labels=f"{fleet.NODE_LABEL}={task.label}")
        return {each["metadata"]["name"]: each for each in found}

    def _merge(
        self,
        found: dict[str, Any],
        task: Task,
        nodes: Mapping[str, Object],
        told: Mapping[str, Told],
        owners: Mapping[str, str],
    ) -> None:
        """Set the state of each machine from its Node, else from the run."""
        for each in found.get("machines") or ():
            name, news = each["name"], told.get(each["name"])
            if news is not None and news.host_keys:
                each["hostKeys"] = list(news.host_keys[: status.KEYS])
            if name in nodes:
                ready = is_ready(nodes[name])
                status.set_state(each, State.READY if ready else State.JOINED)
            elif owners.get(each["address"], task.uid) != task.uid:
                text = "another NodeTask, which was created earlier, installs the machine with this address"
                status.set_state(each, State.WAITING, CLAIMED, text)
            elif news is not None and news.state is State.READY:
                self._label(name, task)
                status.set_state(each, State.JOINED)
            elif news is not None:
                status.set_state(each, news.state, news.code, news.message)
        status.counted(found)

    def _label(self, name: str, task: Task) -> None:
        """Label a Node that has joined already with the wanted settings."""
        if self.holds() and self.store.get("v1", "Node", name) is not None:
            meta = {"name": name, "labels": {fleet.NODE_LABEL: task.label}}
            self.store.patch({"apiVersion": "v1", "kind": "Node", "metadata": meta})

    def _start(
        self, obj: Object, task: Task, runner: Runner, tasks: list[Object], owners: Mapping[str, str]
    ) -> None:
        if self.clock() < self._due.get(task.uid, 0.0):
            return
        wanted = [
            Wanted(
                each["name"],
                each["address"],
                # A node with the label was reinstalled by this task before.
                reinstall=task.reinstalls and each["state"] != State.JOINED,
                known_keys=() if task.new_keys else keys_of(tasks, each["address"]),
                token=each.get("token", ""),
            )
            for each in obj["status"]["machines"]
            if _is_due(each) and owners.get(each["address"], task.uid) == task.uid
        ]
        if not wanted or not self.holds():
            return
        attempt = self._attempts.get(task.uid, 0)
        self._attempts[task.uid] = attempt + 1
        self._due[task.uid] = self.clock() + BACK_OFF[min(attempt, len(BACK_OFF) - 1)]
        try:
            runner.start(obj, task, wanted)
        except EdgeadmError as error:
            if error.exit_code == 5:
                raise
            reason, message = error.code, error.message
            self._write(obj, lambda found: _blocked(found, task, status.camel(reason), message))
            self.notes.about(obj, "Blocked", message, warning=True, topic="blocked")
            return
        self._write(obj, lambda found: _working(found, task, len(wanted)))
        self.notes.about(obj, "Started", f"installs {len(wanted)} machines, attempt {attempt + 1}")

    def _report(self, before: Object, after: Object) -> None:
        old = {each["name"]: each["state"] for each in status.machines_of(before)}
        for each in after["status"]["machines"]:
            name, state = each["name"], each["state"]
            if old.get(name) == state or state not in FINAL:
                continue
            where = f"{name} ({each['address']})"
            if state == State.READY:
                self.notes.about(after, "NodeReady", f"{where} is Ready", topic=name)
            else:
                word = "failed" if state == State.FAILED else "waits"
                text = f"{where} {word}: {each.get('message', '')} [{each.get('code', '')}]"
                self.notes.about(after, "NodeNotInstalled", text, warning=True, topic=name)
        if after["status"]["nodetaskStatus"] == status.READY:
            self.notes.about(after, "Ready", f"all {after['status']['total']} machines are nodes")

    def _write(self, obj: Object, change: Callable[[status.Status], None]) -> Object | None:
        return status.write(self.store, obj, change, fresh=False) if self.holds() else None

    def _forget(self, uids: set[str]) -> None:
        """Tasks that were deleted."""
        for uid in self._known - uids:
            self.direct.forget(uid)
            self.proxied.forget(uid)
            self._attempts.pop(uid, None)
            self._due.pop(uid, None)
        self._clean &= uids
        self._known = uids

    def _clean_up(self, obj: Object, task: Task) -> None:
        """Revoke tokens and delete objects of a finished task that an earlier process left behind."""
        tokens = any(each.get("token") for each in obj["status"]["machines"])
        if task.uid in self._clean and not tokens:
            return
        runner = self._runner(task)
        runner.tend(obj, task)
        if not runner.is_running(obj, task):
            self._forget_run(task)
            self._clean.add(task.uid)

    def _forget_run(self, task: Task) -> None:
        self.direct.forget(task.uid)
        self.proxied.forget(task.uid)
        self._attempts.pop(task.uid, None)
        self._due.pop(task.uid, None)


def _age(obj: Object) -> tuple[str, str]:
    meta = obj["metadata"]
    return str(meta.get("creationTimestamp", "")), str(meta["name"])


def _is_due(machine: Mapping[str, Any]) -> bool:
    """Whether a machine needs a run. One that has joined gets time to become Ready."""
    if machine["state"] == State.READY:
        return False
    if machine["state"] != State.JOINED:
        return True
    since = datetime.fromisoformat(str(machine.get("since") or "1970-01-01T00:00:00Z"))
    return (datetime.now(UTC) - since).total_seconds() > PATIENCE


def _replace(found: dict[str, Any], new: Mapping[str, Any]) -> None:
    found.clear()
    found.update(new)


def _blocked(found: dict[str, Any], task: Task, reason: str, message: str) -> None:
    status.set_condition(found, "Progressing", "False", reason, message, task.generation)


def _working(found: dict[str, Any], task: Task, count: int) -> None:
    message = f"{count} machines are being installed"
    status.set_condition(found, "Progressing", "True", "Running", message, task.generation)
