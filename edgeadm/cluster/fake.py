"""An API server in memory, for tests."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgeadm.cluster.base import Object
from edgeadm.errors import WaitError

Key = tuple[str, str, str, str]


@dataclass
class FakeCluster:
    """Keeps what is applied. `controllers` give an applied object the status that a real cluster would."""

    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    controllers: Callable[[dict[str, Any]], None] = lambda _obj: None

    def apply(self, objects: Sequence[Object]) -> int:
        changed = len(self.differing(objects))
        for obj in objects:
            kept = copy.deepcopy(dict(obj))
            self.controllers(kept)
            self.objects[_key(obj)] = kept
        return changed

    def differing(self, objects: Sequence[Object]) -> list[str]:
        return [
            "/".join(
                part
                for part in (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
                if part
            )
            for obj in objects
            if _spec(self.objects.get(_key(obj), {})) != _spec(obj)
        ]

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        return self.objects.get((api, kind, namespace, name))

    def list_objects(self, api: str, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        wanted = dict(part.split("=") for part in selector.split(",") if part)
        return [
            obj
            for (its_api, its_kind, its_namespace, _), obj in sorted(self.objects.items())
            if (its_api, its_kind) == (api, kind)
            and namespace in ("", its_namespace)
            and all(obj.get(field) == value for field, value in wanted.items())
        ]

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        return self.objects.pop((api, kind, namespace, name), None) is not None

    def wait(
        self,
        what: str,
        api: str,
        kind: str,
        name: str,
        fits: Callable[[Object], bool],
        *,
        namespace: str = "",
        seconds: float = 300,
    ) -> None:
        found = self.get(api, kind, name, namespace)
        if found is None or not fits(found):
            raise WaitError(f"{what}: not after {seconds:g} s")

    def ready(self) -> bool:
        return True


@dataclass
class FakeOutside:
    """An API of paths and what is there. Signing requests are approved at once, and signed by `sign`."""

    paths: dict[str, dict[str, Any]]
    ca: bytes
    server: str = "https://10.0.0.11:6443"
    sign: Callable[[bytes], bytes] | None = None

    def get(self, path: str) -> Object | None:
        return self.paths.get(path)

    def create(self, path: str, obj: Object) -> Object:
        kept = copy.deepcopy(dict(obj))
        if self.sign is not None:
            request = base64.b64decode(kept["spec"]["request"])
            kept["status"] = {"certificate": base64.b64encode(self.sign(request)).decode()}
        return self.paths.setdefault(f"{path}/{obj['metadata']['name']}", kept)

    def through(self, server: str) -> FakeOutside:
        return replace(self, server=server)


def _key(obj: Object) -> Key:
    meta = obj["metadata"]
    return obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"]


def _spec(obj: Object) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key != "status"}
