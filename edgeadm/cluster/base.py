"""The interface to an API server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Object = Mapping[str, Any]
OWNER = "edgeadm"
Say = Callable[[str], None]


def copied(value: Any) -> Any:
    """A deep copy of a JSON value; much faster than copy.deepcopy."""
    if isinstance(value, Mapping):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value


def nobody(_text: str) -> None:
    """Discards messages."""


@dataclass(frozen=True)
class Awaited:
    """A condition to wait for: its description, the object, and a predicate. `seconds` is the time-out."""

    what: str
    api: str
    kind: str
    name: str
    fits: Callable[[Object], bool]
    namespace: str = ""
    seconds: float = 300


class Cluster(Protocol):
    """A cluster: real, simulated (dry run) or in memory (tests)."""

    def apply(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> int:
        """Server-side apply, in order, as field manager `edgeadm`; returns the number of changed objects.

        Fields owned by other field managers are kept, and `kept` is called for each. With `force` edgeadm
        takes them over: for objects that mirror others. Raises ApiError if the API rejects an object,
        UnreachableError if it does not respond.
        """

    def differing(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> list[str]:
        """Names of the objects that `apply` would create or change, as `Kind/namespace/name`; for changed
        objects with the fields, such as ` (spec.replicas)`."""

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """The object, or None if it does not exist."""

    def list_objects(
        self, api: str, kind: str, namespace: str = "", selector: str = "", labels: str = ""
    ) -> list[Object]:
        """All objects of a kind, optionally of one namespace; `selector` is a field selector.

        Empty if the API does not serve the kind.
        """

    def patch(self, obj: Object) -> None:
        """Merge these fields into the existing object; None deletes a field. For fields of other managers,
        which `apply` cannot delete. Raises the errors of `apply`."""

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        """Delete the object; returns False if it does not exist."""

    def wait(self, awaited: Awaited) -> None:
        """Return when the object exists and meets the condition. Raises WaitError with its last state."""

    def log(self, namespace: str, pod: str) -> str:
        """The last line of a Pod's log, which the API server reads from the Pod's kubelet.

        Raises ApiError if that fails, UnreachableError if the API does not respond.
        """

    def ready(self) -> bool:
        """Whether the API server reports that it is ready."""

    def version(self) -> str:
        """The API server's version, such as v1.34.4; empty if there is none yet."""


class Store(Cluster, Protocol):
    """A cluster for controllers: writes that fail if another client was faster."""

    def create(self, obj: Object) -> Object:
        """Create the object; `metadata.generateName` is possible. Raises ConflictError if it exists."""

    def replace(self, obj: Object, *, status: bool = False) -> Object:
        """Replace the object, or only its status, and return the new one. Raises ConflictError if
        `metadata.resourceVersion` is not that of the current object, ApiError if there is none."""


class Outside(Protocol):
    """The API for a host that has not joined the cluster yet: discovered, verified, and used with a token."""

    @property
    def server(self) -> str:
        """https://HOST:PORT with a verified certificate."""

    @property
    def at(self) -> str:
        """The address of HOST if no resolver knows it; empty if HOST resolves."""

    @property
    def ca(self) -> bytes:
        """The cluster's CA, PEM."""

    def get(self, path: str) -> Object | None:
        """The object at a path of the API, such as /version, or None if it does not exist or is forbidden.

        Raises UnreachableError, ApiError and their subclasses.
        """

    def create(self, path: str, obj: Object) -> Object:
        """Create the object, or return the existing one with its name. Raises the errors of `get`."""

    def through(self, server: str) -> Outside:
        """The same API through another server."""
