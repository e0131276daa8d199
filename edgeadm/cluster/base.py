"""What an API server is to edgeadm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

Object = Mapping[str, Any]
OWNER = "edgeadm"


class Cluster(Protocol):
    """A cluster: real, noted (dry run) or imagined (tests)."""

    def apply(self, objects: Sequence[Object]) -> int:
        """Server-side apply, in order, as field manager `edgeadm`; how many objects changed comes back.

        Raises ApiError where the API refuses, UnreachableError where it does not answer."""

    def differing(self, objects: Sequence[Object]) -> list[str]:
        """Names of the objects that `apply` would make or change, as `Kind/namespace/name`."""

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """The object; None where there is none."""

    def list_objects(self, api: str, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """All objects of a kind, those of one namespace where it is named; `selector` is of fields."""

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        """Delete the object; False where there is none."""

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
        """Return once the object is there and fits. Raises WaitError after `seconds`, with its last state."""

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""


class Outside(Protocol):
    """The API as it looks to a machine that is not in the cluster yet: found, checked, asked with a token."""

    @property
    def server(self) -> str:
        """https://HOST:PORT, whose certificate was checked."""

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
