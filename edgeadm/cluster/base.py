"""What an API server is to edgeadm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Object = Mapping[str, Any]
OWNER = "edgeadm"
Say = Callable[[str], None]


def copied(value: Any) -> Any:
    """A copy of a JSON value that shares no mapping and no list with it; far faster than copy.deepcopy."""
    if isinstance(value, Mapping):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value


def nobody(_text: str) -> None:
    """For those who need not be told."""


@dataclass(frozen=True)
class Awaited:
    """What has to come about: in words, the object, and how it must look. `seconds` is the patience."""

    what: str
    api: str
    kind: str
    name: str
    fits: Callable[[Object], bool]
    namespace: str = ""
    seconds: float = 300


class Cluster(Protocol):
    """A cluster: real, noted (dry run) or imagined (tests)."""

    def apply(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> int:
        """Server-side apply, in order, as field manager `edgeadm`; how many objects changed comes back.

        A field that somebody else has changed since stays as it is, and `kept` is told of it. With `force` it
        becomes ours: for objects that repeat what others want of them.
        Raises ApiError where the API refuses, UnreachableError where it does not answer."""

    def differing(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> list[str]:
        """Names of the objects that `apply` would make or change, as `Kind/namespace/name`; for those that it
        would change, with the fields, such as ` (spec.replicas)`."""

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """The object; None where there is none."""

    def list_objects(
        self, api: str, kind: str, namespace: str = "", selector: str = "", labels: str = ""
    ) -> list[Object]:
        """All objects of a kind, those of one namespace where it is named; `selector` is of fields.

        Empty as well where the API has no such kind."""

    def patch(self, obj: Object) -> None:
        """Lay these fields over the object that is there; what is None goes. For what others wrote, which no
        `apply` of ours can take back. Raises as `apply` does."""

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        """Delete the object; False where there is none."""

    def wait(self, awaited: Awaited) -> None:
        """Return once the object is there and fits. Raises WaitError with its last state."""

    def log(self, namespace: str, pod: str) -> str:
        """The last line of a Pod's log, which the API server fetches from the Pod's kubelet.

        Raises ApiError where that does not succeed, UnreachableError where the API does not answer."""

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""

    def version(self) -> str:
        """The API server's version, such as v1.34.4; empty where there is none yet."""


class Outside(Protocol):
    """The API as it looks to a machine that is not in the cluster yet: found, checked, asked with a token."""

    @property
    def server(self) -> str:
        """https://HOST:PORT, whose certificate was checked."""

    @property
    def at(self) -> str:
        """The address of that HOST, where no resolver knows it; empty where HOST leads there by itself."""

    @property
    def ca(self) -> bytes:
        """The cluster's CA, PEM."""

    def get(self, path: str) -> Object | None:
        """What is at the path of the API, such as /version; None where there is nothing, or not for us.

        Raises UnreachableError, ApiError and their kin."""

    def create(self, path: str, obj: Object) -> Object:
        """Make the object; the one that is there where the name is taken. Raises as `get` does."""

    def through(self, server: str) -> Outside:
        """The same API by way of another server."""
