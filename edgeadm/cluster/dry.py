"""A cluster that changes nothing: it asks the API what would change, where there is an API yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeadm.cluster.base import Cluster, Object


@dataclass
class DryCluster:
    """Notes what `apply` would do. `real` is None before there is an API server."""

    real: Cluster | None
    note: Callable[[str], None]

    def apply(self, objects: Sequence[Object]) -> int:
        names = self.differing(objects)
        for name in names:
            self.note(f"apply {name}")
        return len(names)

    def differing(self, objects: Sequence[Object]) -> list[str]:
        if self.real is not None:
            return self.real.differing(objects)
        return [f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects]

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        return None if self.real is None else self.real.get(api, kind, name, namespace)

    def list_objects(self, api: str, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        return [] if self.real is None else self.real.list_objects(api, kind, namespace, selector)

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        found = self.get(api, kind, name, namespace) is not None
        if found:
            self.note(f"delete {'/'.join(part for part in (kind, namespace, name) if part)}")
        return found

    def wait(
        self,
        what: str,
        api: str,  # noqa: ARG002
        kind: str,
        name: str,
        fits: Callable[[Object], bool],  # noqa: ARG002
        *,
        namespace: str = "",  # noqa: ARG002
        seconds: float = 300,  # noqa: ARG002
    ) -> None:
        self.note(f"wait for {kind}/{name}: {what}")

    def ready(self) -> bool:
        return self.real is not None and self.real.ready()
