"""Clusters that change nothing: they query the API for the changes, if there is an API yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeadm.cluster.base import Awaited, Cluster, Object, Outside, Say, nobody


@dataclass
class DryCluster:
    """Records the changes of `apply`. `real` is None before there is an API server."""

    real: Cluster | None
    note: Callable[[str], None]

    def apply(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> int:
        names = self.differing(objects, kept, force=force)
        for name in names:
            self.note(f"apply {name}")
        return len(names)

    def differing(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> list[str]:
        if self.real is not None:
            return self.real.differing(objects, kept, force=force)
        return [f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects]

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        return None if self.real is None else self.real.get(api, kind, name, namespace)

    def list_objects(
        self, api: str, kind: str, namespace: str = "", selector: str = "", labels: str = ""
    ) -> list[Object]:
        return [] if self.real is None else self.real.list_objects(api, kind, namespace, selector, labels)

    def patch(self, obj: Object) -> None:
        self.note(f"change {obj['kind']}/{obj['metadata']['name']}")

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        found = self.get(api, kind, name, namespace) is not None
        if found:
            self.note(f"delete {'/'.join(part for part in (kind, namespace, name) if part)}")
        return found

    def wait(self, awaited: Awaited) -> None:
        self.note(f"wait for {awaited.kind}/{awaited.name}: {awaited.what}")

    def log(self, namespace: str, pod: str) -> str:
        self.note(f"read the log of {namespace}/{pod}")
        return ""

    def ready(self) -> bool:
        return self.real is not None and self.real.ready()

    def version(self) -> str:
        return "" if self.real is None else self.real.version()


@dataclass(frozen=True)
class DryOutside:
    """The API of a cluster to join, which is asked as usual; what would be created is noted."""

    real: Outside
    note: Callable[[str], None]

    @property
    def server(self) -> str:
        return self.real.server

    @property
    def at(self) -> str:
        return self.real.at

    @property
    def ca(self) -> bytes:
        return self.real.ca

    def get(self, path: str) -> Object | None:
        return self.real.get(path)

    def create(self, path: str, obj: Object) -> Object:  # noqa: ARG002
        self.note(f"create {obj['kind']}/{obj['metadata']['name']}")
        return obj

    def through(self, server: str) -> DryOutside:
        return DryOutside(self.real.through(server), self.note)
