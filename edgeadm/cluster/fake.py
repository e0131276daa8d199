"""An API server in memory, for tests."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgeadm.cluster.base import Awaited, Object, Say, copied, nobody
from edgeadm.cluster.conflicts import without
from edgeadm.cluster.difference import described
from edgeadm.cluster.errors import ConflictError
from edgeadm.config.address import HostPort
from edgeadm.errors import ApiError, UnreachableError, WaitError

Key = tuple[str, str, str, str]


@dataclass
class FakeCluster:
    """Stores applied objects and the fields of other managers: a field is deleted if an earlier `apply`
    created it and the new one lacks it. `controllers` set the status of applied objects as in a real cluster.
    """

    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    controllers: Callable[[dict[str, Any]], None] = lambda _obj: None
    logs: dict[tuple[str, str], str] = field(default_factory=dict)
    owned: dict[Key, dict[str, Any]] = field(default_factory=dict)
    # Fields changed by other managers, in the API server's notation.
    foreign: dict[Key, list[str]] = field(default_factory=dict)
    down: bool = False
    release: str = "v1.34.4"

    def apply(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> int:
        self._answer()
        changed = len(self.differing(objects, kept, force=force))
        if force:
            for obj in objects:
                self.foreign.pop(_key(obj), None)
        for obj in map(self._ours, objects):
            now = self._applied(obj)
            self.controllers(now)
            self.objects[_key(obj)] = now
            self.owned[_key(obj)] = copied(obj)
        return changed

    def differing(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> list[str]:
        self._answer()
        for obj in objects if not force else ():
            for path in self.foreign.get(_key(obj), ()):
                kept(f"{_title(obj)} {path.lstrip('.')} (another-manager)")
        said = objects if force else [self._ours(obj) for obj in objects]
        pairs = [(obj, self.objects.get(_key(obj)), self._applied(obj)) for obj in said]
        return [described(_title(obj), before, after) for obj, before, after in pairs if before != after]

    def _ours(self, obj: Object) -> Object:
        return without(obj, self.foreign.get(_key(obj), []))

    def _answer(self) -> None:
        if self.down:
            raise UnreachableError("the API server does not answer")

    def _applied(self, obj: Object) -> dict[str, Any]:
        there = copied(self.objects.get(_key(obj), {}))
        owned = without(self.owned.get(_key(obj), {}), self.foreign.get(_key(obj), []))
        return _merged(_without(there, owned, obj), obj)

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        self._answer()
        return self.objects.get((api, kind, namespace, name))

    def list_objects(
        self, api: str, kind: str, namespace: str = "", selector: str = "", labels: str = ""
    ) -> list[Object]:
        self._answer()
        wanted = dict(part.split("=") for part in selector.split(",") if part)
        labelled = dict(part.split("=") for part in labels.split(",") if part)
        return [
            obj
            for (its_api, its_kind, its_namespace, _), obj in sorted(self.objects.items())
            if (its_api, its_kind) == (api, kind)
            and namespace in ("", its_namespace)
            and all(obj.get(field) == value for field, value in wanted.items())
            and labelled.items() <= ((obj.get("metadata") or {}).get("labels") or {}).items()
        ]

    def patch(self, obj: Object) -> None:
        self._answer()
        if _key(obj) not in self.objects:
            raise ApiError(f"{obj['kind']}/{obj['metadata']['name']}: the API server answered 404")
        _patched(self.objects[_key(obj)], obj)

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        self._answer()
        self.owned.pop((api, kind, namespace, name), None)
        self.foreign.pop((api, kind, namespace, name), None)
        return self.objects.pop((api, kind, namespace, name), None) is not None

    def wait(self, awaited: Awaited) -> None:
        found = None
        if not self.down:
            found = self.get(awaited.api, awaited.kind, awaited.name, awaited.namespace)
        if found is None or not awaited.fits(found):
            raise WaitError(f"{awaited.what}: not after {awaited.seconds:g} s")

    def log(self, namespace: str, pod: str) -> str:
        self._answer()
        if (namespace, pod) not in self.logs:
            raise ApiError(f"log of Pod/{namespace}/{pod}: the API server answered 500")
        return self.logs[namespace, pod]

    def ready(self) -> bool:
        return not self.down

    def version(self) -> str:
        self._answer()
        return self.release


@dataclass
class FakeStore(FakeCluster):
    """A cluster for controllers, with the resource versions and generations of an API server. `on_write` is
    called before each write with its verb and object: tests stop a controller there."""

    on_write: Callable[[str, Object], None] = lambda _verb, _obj: None
    clock: int = 0

    def create(self, obj: Object) -> Object:
        self._answer()
        self.on_write("create", obj)
        made = copied(obj)
        if "generateName" in made["metadata"]:
            made["metadata"]["name"] = f"{made['metadata'].pop('generateName')}{self.clock:05d}"
        if _key(made) in self.objects:
            raise ConflictError(f"{_title(made)}: the API server answered 409 AlreadyExists")
        made["metadata"] |= {"uid": f"uid-{self.clock}", "generation": 1}
        return self._stored(made)

    def replace(self, obj: Object, *, status: bool = False) -> Object:
        self._answer()
        self.on_write("status" if status else "replace", obj)
        there = self.objects.get(_key(obj))
        if there is None:
            raise ApiError(f"{_title(obj)}: the API server answered 404 Not Found")
        if obj["metadata"].get("resourceVersion") != there["metadata"].get("resourceVersion"):
            raise ConflictError(f"{_title(obj)}: the API server answered 409 Conflict")
        made = copied(there) | {"status": copied(obj.get("status"))} if status else copied(obj)
        if made.get("spec") != there.get("spec"):
            made["metadata"]["generation"] = there["metadata"].get("generation", 1) + 1
        return self._stored(made)

    def patch(self, obj: Object) -> None:
        self.on_write("patch", obj)
        super().patch(obj)
        self._stored(self.objects[_key(obj)])

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        self._answer()
        found = self.objects.get((api, kind, namespace, name))
        if found is not None:
            self.on_write("delete", found)
        return super().delete(api, kind, name, namespace)

    def _stored(self, obj: dict[str, Any]) -> Object:
        self.clock += 1
        obj["metadata"]["resourceVersion"] = str(self.clock)
        self.objects[_key(obj)] = obj
        answer: Object = copied(obj)
        return answer


@dataclass
class FakeOutside:
    """An API of paths and objects. Signing requests are approved immediately, and signed by `sign`."""

    paths: dict[str, dict[str, Any]]
    ca: bytes
    server: str = HostPort("10.0.0.11").url
    sign: Callable[[bytes], bytes] | None = None
    at: str = ""

    def get(self, path: str) -> Object | None:
        return self.paths.get(path)

    def create(self, path: str, obj: Object) -> Object:
        kept = copied(obj)
        if self.sign is not None:
            request = base64.b64decode(kept["spec"]["request"])
            kept["status"] = {"certificate": base64.b64encode(self.sign(request)).decode()}
        return self.paths.setdefault(f"{path}/{obj['metadata']['name']}", kept)

    def through(self, server: str) -> FakeOutside:
        return replace(self, server=server, at="")


def _key(obj: Object) -> Key:
    meta = obj["metadata"]
    return obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"]


def _title(obj: Object) -> str:
    meta = obj["metadata"]
    return "/".join(part for part in (obj["kind"], meta.get("namespace"), meta["name"]) if part)


def _merged(there: dict[str, Any], obj: Object) -> dict[str, Any]:
    for name, value in obj.items():
        both = isinstance(value, dict) and isinstance(there.get(name), dict)
        there[name] = _merged(there[name], value) if both else copied(value)
    return there


def _patched(there: dict[str, Any], patch: Object) -> None:
    for name, value in patch.items():
        if value is None:
            there.pop(name, None)
        elif isinstance(value, dict):
            _patched(there.setdefault(name, {}), value)
        else:
            there[name] = copied(value)


def _without(there: dict[str, Any], owned: Object, wanted: Object) -> dict[str, Any]:
    """The object without fields that were owned and are no longer applied."""
    for name, value in owned.items():
        if isinstance(value, dict) and isinstance(there.get(name), dict):
            there[name] = _without(there[name], value, wanted.get(name) or {})
        if name not in wanted and not (isinstance(value, dict) and there.get(name)):
            there.pop(name, None)
    return there
