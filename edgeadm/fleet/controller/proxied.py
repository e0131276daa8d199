"""Runs of the engine in Jobs on proxy nodes: the controller creates the objects of a Job, answers its
requests, and reads its results. All state is in these objects."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeadm.apps.facts import CONTROL_PLANES, NAMESPACE, labels_of
from edgeadm.cluster import Object, Store
from edgeadm.cluster.errors import ConflictError
from edgeadm.config.secret import masked, secrets_in
from edgeadm.fleet.controller import credentials, status
from edgeadm.fleet.controller.admission import TaskAdmission, announced
from edgeadm.fleet.controller.document import RESULTS, TASK, JobDocument, Offered, Results
from edgeadm.fleet.controller.errors import CredentialError, ProxyError
from edgeadm.fleet.controller.job import TOKENS, JobObjects, has_ended
from edgeadm.fleet.controller.job_pod import Trouble, trouble
from edgeadm.fleet.controller.runner import Told, Wanted
from edgeadm.fleet.controller.task import Task
from edgeadm.fleet.former import has_address
from edgeadm.fleet.model import Machine
from edgeadm.fleet.states import FINAL, State
from edgeadm.hosts.ssh.target import Target

# States in which a machine needs its token no longer.
ADMITTED = FINAL | {State.JOINED}
BATCH, CORE = "batch/v1", "v1"


@dataclass
class Proxied:
    """The runner for machines that a proxy node reaches. `offer` returns the packages that the controller
    serves, `path` is that of its files in the API."""

    store: Store
    image: str
    ca_hash: str
    path: str
    holds: Callable[[], bool]
    offer: Callable[[], Sequence[Offered]]

    def is_running(self, obj: Object, task: Task) -> bool:  # noqa: ARG002
        job = self.store.get(BATCH, "Job", task.run, NAMESPACE)
        return job is not None and not has_ended(job)

    def trouble(self, obj: Object, task: Task) -> Trouble | None:  # noqa: ARG002
        return trouble(self.store, task.run, task.proxy, self.image)

    def start(self, obj: Object, task: Task, machines: Sequence[Wanted]) -> None:
        """Create the Job with its ConfigMap and Secret, which replace those of an earlier Job. Raises
        ProxyError, CredentialError, StoreError and the errors of the API."""
        if self.store.get(CORE, "Node", task.proxy) is None:
            raise ProxyError(
                f"there is no node {task.proxy}", hint="`proxyNode` is the name of a node of this cluster"
            )
        login = credentials.login(self.store, task.credential)
        document = JobDocument(
            task.name,
            task.label,
            task.port,
            announced(self.store),
            self.ca_hash,
            self.path,
            tuple(replace(each, token="") for each in machines),
            tuple(self.offer()),
        )
        self._revoke(obj, [each.token for each in machines if each.token])
        objects = JobObjects(obj, task.run, self.image, task.proxy, document.endpoint)
        self.store.delete(BATCH, "Job", task.run, NAMESPACE)
        self._put(objects.config_map({TASK: document.text(), RESULTS: Results({}).text()}))
        key = credentials.KEY if login.key_texts else credentials.PASSWORD
        text = login.key_texts[0] if login.key_texts else login.password
        self._put(objects.secret({key: str(text), TOKENS: "{}"}))
        try:
            self.store.create(objects.job())
        except ConflictError:
            return  # the earlier one is still being deleted: the next round starts this one

    def tend(self, obj: Object, task: Task) -> None:
        """Delete Nodes and create tokens as the Job requests, and revoke tokens that are not needed."""
        results = self._results(obj, task)
        running = self.is_running(obj, task)
        recorded = {each["name"]: each["token"] for each in status.machines_of(obj) if each.get("token")}
        over = [
            token
            for name, token in recorded.items()
            if not running or (name in results.states and results.states[name].state in ADMITTED)
        ]
        self._revoke(obj, over)
        if running:
            for name in results.deletes:
                self._delete_node(name, task)
            for name, former in results.formers.items():
                self._delete_former(obj, task, name, former)
            self._admit(obj, task, results, recorded)
        elif self.store.get(CORE, "Secret", task.run, NAMESPACE) is not None:
            self.store.delete(CORE, "Secret", task.run, NAMESPACE)

    def told(self, obj: Object, task: Task) -> Mapping[str, Told]:
        """The results of the Job, without secrets. Machines of a Job that ended in the middle wait for the
        next one."""
        results = self._results(obj, task)
        running = self.is_running(obj, task)
        try:
            secrets = set(secrets_in(credentials.login(self.store, task.credential)))
        except CredentialError:
            secrets = set()
        found = {
            name: replace(told, message=str(masked(told.message, secrets)))
            for name, told in results.states.items()
        }
        if running:
            return found
        text = f"the Job on {task.proxy} ended before the machine was finished"
        return {
            name: told if told.state in FINAL else Told(State.WAITING, ProxyError.code, text, told.host_keys)
            for name, told in found.items()
        }

    def forget(self, uid: str) -> None:
        """The objects belong to the task: they are deleted with it."""

    def stop(self) -> None:
        """A Job continues without a leader."""

    def _results(self, obj: Object, task: Task) -> Results:
        found = self.store.get(CORE, "ConfigMap", task.run, NAMESPACE)
        names = [each["name"] for each in status.machines_of(obj)]
        return Results.parse(str(((found or {}).get("data") or {}).get(RESULTS, "")), names)

    def _admit(self, obj: Object, task: Task, results: Results, recorded: Mapping[str, str]) -> None:
        secret = self.store.get(CORE, "Secret", task.run, NAMESPACE)
        if secret is None or not results.wants:
            return
        known = _tokens(secret)
        due = {name: word for name, word in results.wants.items() if known.get(name, {}).get("word") != word}
        if not due:
            return
        admission = self._admission(obj)
        for name, word in due.items():
            if name in recorded:
                admission.know(recorded[name], name)
                admission.revoke(recorded[name])
            machine = Machine(name, Target(""))
            ticket = admission.ticket(machine, admission.new_id(), task.run)
            known[name] = {"word": word, "token": str(ticket.token)}
        self.store.replace({**secret, "data": {**secret["data"], TOKENS: _encoded(json.dumps(known))}})

    def _delete_node(self, name: str, task: Task) -> None:
        """The Node of a machine that was reset; not one that has joined again since."""
        node = self.store.get(CORE, "Node", name)
        if node is None or not self.holds():
            return
        if task.label not in labels_of(node).values():
            self.store.delete(CORE, "Node", name)

    def _delete_former(self, obj: Object, task: Task, name: str, former: str) -> None:
        """The Node that a machine had under another name. A Job is not trusted: only a Node with the address
        of the machine, that is no control plane and no machine of the task, of a task that reinstalls."""
        machine = status.machine_of(obj.get("status") or {}, name)
        node = self.store.get(CORE, "Node", former)
        if machine is None or node is None or not task.reinstalls:
            return
        names = {each["name"] for each in obj["status"]["machines"]}
        is_control_plane = any(role in labels_of(node) for role in CONTROL_PLANES)
        if former not in names and not is_control_plane and has_address(node, machine["address"]):
            self._delete_node(former, task)

    def _revoke(self, obj: Object, tokens: Sequence[str]) -> None:
        admission = self._admission(obj)
        names = {each.get("token"): each["name"] for each in status.machines_of(obj)}
        for each in tokens:
            admission.know(each, str(names.get(each, "")))
            admission.revoke(each)

    def _admission(self, obj: Object) -> TaskAdmission:
        return TaskAdmission(self.store, obj, self.ca_hash, "", self.holds)

    def _put(self, obj: dict[str, Any]) -> None:
        meta = obj["metadata"]
        found = self.store.get(CORE, obj["kind"], meta["name"], meta["namespace"])
        if found is None:
            self.store.create(obj)
            return
        version = found["metadata"].get("resourceVersion")
        self.store.replace({**obj, "metadata": {**meta, "resourceVersion": version}})


def _tokens(secret: Object) -> dict[str, Any]:
    text = base64.b64decode((secret.get("data") or {}).get(TOKENS, "") or "e30=").decode()
    found: dict[str, Any] = json.loads(text)
    return found


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
