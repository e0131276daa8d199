"""Clusters of TKE: each is created by `edgeadm apply`, in a process of its own.

`apply` looks before it acts, and the hosts know their own state: it is repeated until it succeeds, also by
another replica."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeadm.apps.fleet import CLUSTER, INITIALIZING, MACHINE
from edgeadm.apps.fleet import CLUSTER_API as API
from edgeadm.cluster import Object, Store
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.controller import status
from edgeadm.fleet.controller.build import stored_packages
from edgeadm.fleet.controller.notes import Notes
from edgeadm.fleet.pool import Pool, ThreadPool

RUNNING, FAILED = "Running", "Failed"
LAST = "kubectl.kubernetes.io/last-applied-configuration"  # of kubectl: the whole document once more
BACK_OFF = (30.0, 60.0, 120.0, 300.0, 600.0)
MOST = 100
# The document of a process → its exit status and the JSON document that it prints.
Apply = Callable[[Path, Sequence[str]], tuple[int, str]]


@dataclass
class Clusters:
    """Applies each Cluster with its Machines, in a thread of `pool`."""

    store: Store
    packages: Path
    work: Path
    apply: Apply
    notes: Notes
    holds: Callable[[], bool]
    clock: Callable[[], float]
    pool: Pool = field(default_factory=ThreadPool)
    _busy: set[str] = field(default_factory=set)
    _due: dict[str, tuple[int, float]] = field(default_factory=dict)

    def step(self) -> None:
        """Start `apply` for each Cluster that is new, has changed, or has failed. Raises the errors of the
        API."""
        machines = self.store.list_objects(API, MACHINE)
        for obj in self.store.list_objects(API, CLUSTER):
            uid, own = str(obj["metadata"].get("uid", "")), _own(obj, machines)
            wanted, found = versions(obj, own), obj.get("status") or {}
            same = found.get("applied") == wanted
            if uid in self._busy or (same and found.get("phase") == RUNNING):
                continue
            attempts, due = self._due.get(uid, (0, 0.0))
            if (same and self.clock() < due) or not self.holds():
                continue
            pause = BACK_OFF[min(attempts, len(BACK_OFF) - 1)]
            self._due[uid] = attempts + 1, self.clock() + pause
            self._start(obj, own, uid, wanted)

    def _start(self, obj: Object, own: list[Object], uid: str, wanted: str) -> None:
        def begin(found: status.Status) -> None:
            found["phase"] = INITIALIZING
            found["applied"] = wanted
            found["observedGeneration"] = int(obj["metadata"].get("generation", 1))

        if status.write(self.store, obj, begin, fresh=False) is None:
            return
        self._busy.add(uid)
        self.pool.start(f"cluster {obj['metadata']['name']}", lambda: self._apply(obj, own, uid))

    def _apply(self, obj: Object, own: list[Object], uid: str) -> None:
        file = self.work / "clusters" / f"{uid}.yaml"
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # JSON is YAML, and no character of a value can end a document.
            text = "\n---\n".join(json.dumps(_document(each)) for each in (obj, *own))
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
                out.write(text)
            code, told = self.apply(file, sorted(stored_packages(self.packages).values()))
            self._ended(obj, code, _parsed(told))
        except EdgeadmError as error:
            self.notes.say(f"Cluster/{obj['metadata']['name']}: {error.message}")
        finally:
            file.unlink(missing_ok=True)
            self._busy.discard(uid)

    def _ended(self, obj: Object, code: int, told: Mapping[str, Any]) -> None:
        generation = int(obj["metadata"].get("generation", 1))
        conditions = list(conditions_of(code, told))
        outdated = not code and self._is_outdated(obj)

        def change(found: status.Status) -> None:
            # A Machine that was added meanwhile is applied next.
            found["phase"] = FAILED if code else INITIALIZING if outdated else RUNNING
            kept = {kind for kind, *_ in conditions}
            found["conditions"] = [each for each in found.get("conditions") or () if each["type"] in kept]
            for kind, good, reason, message in conditions:
                status.set_condition(found, kind, str(good), reason, message, generation)

        if not self.holds():
            return
        current = status.write(self.store, obj, change)
        if current is None:
            return
        for kind, good, reason, message in conditions:
            if not good:
                self.notes.about(obj, reason, f"{kind}: {message}", warning=True, topic=kind)
        if not code and not outdated:
            self.notes.about(obj, RUNNING, "the cluster runs")

    def _is_outdated(self, obj: Object) -> bool:
        """Whether the objects have changed since they were applied."""
        current = self.store.get(API, CLUSTER, obj["metadata"]["name"])
        if current is None:
            return False
        wanted = versions(current, _own(current, self.store.list_objects(API, MACHINE)))
        return bool((current.get("status") or {}).get("applied") != wanted)


def versions(obj: Object, machines: Sequence[Object]) -> str:
    """A hash of the versions of a Cluster and its Machines, without their contents."""
    meta = obj["metadata"]
    annotations = {key: each for key, each in (meta.get("annotations") or {}).items() if key != LAST}
    words = [meta.get("uid", ""), meta.get("generation", 1), sorted(annotations.items())]
    for each in sorted(machines, key=lambda one: str(one["metadata"]["name"])):
        words += [each["metadata"].get("uid", ""), each["metadata"].get("generation", 1)]
    return hashlib.sha256(repr(words).encode()).hexdigest()[:16]


def _own(obj: Object, machines: Sequence[Object]) -> list[Object]:
    """The Machines of a Cluster."""
    name = obj["metadata"]["name"]
    return [each for each in machines if each.get("spec", {}).get("clusterName") == name]


def conditions_of(code: int, told: Mapping[str, Any]) -> list[tuple[str, bool, str, str]]:
    """Type, status, reason and message of a condition for the document, for each stage, and for each machine
    that is not finished."""
    error = told.get("error")
    if error:
        return [("Applied", False, status.camel(error.get("code", "error")), str(error.get("message", "")))]
    if "stages" not in told:
        return [("Applied", False, "Interrupted", f"the process ended with status {code}")]
    warnings = "; ".join(told.get("warnings") or ())
    found = [("Accepted", True, "Valid", warnings or "every key of the document has an effect")]
    for stage in told["stages"]:
        machines = stage.get("machines") or ()
        left = [each for each in machines if each.get("state") not in ("ready", "reset")]
        message = f"{len(machines) - len(left)} of {len(machines)} machines are finished"
        found.append((status.camel(stage["stage"]), not left, "Failed" if left else "Done", message))
        for each in left[:MOST]:
            cause = "; ".join(filter(None, (each.get("detail"), each.get("hint"))))
            text = f"{each.get('address', '')}: {cause}"
            reason = status.camel(each.get("code") or each.get("state") or "unknown")
            found.append((f"Machine-{each['machine']}", False, reason, text))
    found.append(("Applied", not code, "Done" if not code else "Failed", f"exit status {code}"))
    return list({each[0]: each for each in found}.values())


def _document(obj: Object) -> dict[str, Any]:
    """The object as its author wrote it."""
    found = obj["metadata"].get("annotations") or {}
    annotations = {key: value for key, value in found.items() if key != LAST}
    meta = {"name": obj["metadata"]["name"], "annotations": annotations}
    return {"apiVersion": API, "kind": obj["kind"], "metadata": meta, "spec": obj.get("spec")}


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
