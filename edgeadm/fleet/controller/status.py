"""The status of a NodeTask: the only memory of the controller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from edgeadm.apps.fleet import CREATING
from edgeadm.cluster import Object, Store
from edgeadm.cluster.base import copied
from edgeadm.cluster.errors import ConflictError
from edgeadm.errors import ApiError
from edgeadm.fleet.controller.task import Task
from edgeadm.fleet.states import State
from edgeadm.kubeadm.tokens import rfc3339

READY = "ready"
TRIES = 5
# The longest message of a condition or an Event, and of a machine.
LONGEST = 1024
SHORT = 300
KEYS = 3
Status = dict[str, Any]


def now() -> str:
    """The current time in the form of the API."""
    return rfc3339(datetime.now(UTC))


def camel(words: str) -> str:
    """Words as the reason of a condition: `ssh-no-route` is SshNoRoute."""
    parts = "".join(each if each.isalnum() else " " for each in str(words)).split()
    return "".join(each[:1].upper() + each[1:] for each in parts) or "Unknown"


def machines_of(obj: Object) -> Sequence[Status]:
    """The machines in the status of a task; none before it begins."""
    found: Sequence[Status] = (obj.get("status") or {}).get("machines") or ()
    return found


def planned(obj: Object, task: Task, names: Mapping[str, str]) -> Status:
    """The status of a task that begins, or whose spec changed: machines that are known keep their state."""
    before: Status = copied(obj.get("status") or {})
    same = before.get("nodeLabel") == task.label
    known = {each["name"]: each for each in before.get("machines") or () if same}
    keys = {each["address"]: each.get("hostKeys") for each in before.get("machines") or ()}
    machines = []
    for name, address in names.items():
        old = known.get(name)
        if old is not None and old["address"] == address:
            machines.append(old)
            continue
        fresh: Status = {"name": name, "address": address, "state": State.KNOWN.value, "since": now()}
        machines.append(fresh | ({"hostKeys": keys[address]} if keys.get(address) else {}))
    status = before | {
        "nodeLabel": task.label,
        "run": task.run,
        "observedGeneration": task.generation,
        "machines": machines,
    }
    set_condition(status, "Accepted", "True", "Valid", "the spec is valid", task.generation)
    return counted(status)


def refused(obj: Object, message: str) -> Status:
    """The status of a task with an invalid spec. It is not `creating`, so that the spec can be changed."""
    status: Status = copied(obj.get("status") or {})
    status["observedGeneration"] = int(obj["metadata"].get("generation", 1))
    if status.get("nodetaskStatus") == CREATING:
        del status["nodetaskStatus"]
    set_condition(status, "Accepted", "False", "Invalid", message, status["observedGeneration"])
    return status


def counted(status: Status) -> Status:
    """The status with its counts, the list of machines that are not installed, and `nodetaskStatus`."""
    machines = status["machines"]
    left = {each["name"]: each["address"] for each in machines if each["state"] != State.READY}
    status["nodeStatus"] = left
    status["total"], status["ready"] = len(machines), len(machines) - len(left)
    for word in (State.FAILED, State.WAITING):
        status[word.value] = sum(each["state"] == word for each in machines)
    status["nodetaskStatus"] = CREATING if left else READY
    reason = "Complete" if not left else "Failed" if status["failed"] else "Working"
    message = f"{status['ready']} of {status['total']} machines are nodes"
    set_condition(
        status, "Complete", "False" if left else "True", reason, message, status["observedGeneration"]
    )
    return status


def set_condition(status: Status, kind: str, value: str, reason: str, message: str, generation: int) -> None:
    """Set a condition; its time changes with its status only."""
    conditions = status.setdefault("conditions", [])
    new = {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message[:LONGEST],
        "observedGeneration": generation,
    }
    for place, old in enumerate(conditions):
        if old["type"] == kind:
            since = old.get("lastTransitionTime") if old["status"] == value else None
            conditions[place] = new | {"lastTransitionTime": since or now()}
            return
    conditions.append(new | {"lastTransitionTime": now()})


def set_state(machine: Status, state: State, code: str = "", message: str = "") -> bool:
    """Set the state of a machine; returns whether it changed."""
    before = (machine.get("state"), machine.get("code", ""), machine.get("message", ""))
    message = message.strip()[:SHORT]
    if before == (state.value, code, message):
        return False
    if machine.get("state") != state.value:
        machine["since"] = now()
    machine["state"] = state.value
    for key, value in (("code", code), ("message", message)):
        machine.pop(key, None)
        if value:
            machine[key] = value
    return True


def machine_of(status: Mapping[str, Any], name: str) -> Status | None:
    """The machine with this name."""
    found: Iterable[Status] = status.get("machines") or ()
    return next((each for each in found if each["name"] == name), None)


def write(
    store: Store, obj: Object, change: Callable[[Status], None], *, fresh: bool = True
) -> Object | None:
    """Change the status of a task, and write it if it differs. `fresh` reads the object before, as does a
    conflict. Returns the new object, None if the task was deleted or created again. Raises the errors of the
    API."""
    meta = obj["metadata"]
    current: Object | None = store.get(obj["apiVersion"], obj["kind"], meta["name"]) if fresh else obj
    for _ in range(TRIES):
        if current is None or current["metadata"].get("uid") != meta.get("uid"):
            return None
        status: Status = copied(current.get("status") or {})
        change(status)
        if status == (current.get("status") or {}):
            return current
        try:
            return store.replace({**current, "status": status}, status=True)
        except ConflictError:
            current = store.get(obj["apiVersion"], obj["kind"], meta["name"])
        except ApiError:
            if store.get(obj["apiVersion"], obj["kind"], meta["name"]) is None:
                return None
            raise
    raise ConflictError(f"{obj['kind']}/{meta['name']}: other clients change it all the time")
