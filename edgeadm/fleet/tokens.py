"""The cluster of a fleet, as the engine needs it: bootstrap tokens of machines, and Node objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Protocol, TypeVar

from edgeadm import pki
from edgeadm.cluster import Object
from edgeadm.cluster.access import Access
from edgeadm.config.secret import Secret
from edgeadm.errors import UnreachableError
from edgeadm.fleet.errors import ClusterAwayError
from edgeadm.fleet.model import Machine
from edgeadm.fleet.work import Ticket
from edgeadm.kubeadm import tokens

T = TypeVar("T")
# Lifetime of a token. It is revoked as soon as its machine has joined.
LIFETIME = timedelta(minutes=15)


class Admission(Protocol):
    """Admits machines to a cluster. Every method raises ClusterAwayError if the API does not respond.

    `exists` tells whether the cluster exists: the first control plane has none to be admitted to."""

    @property
    def exists(self) -> bool: ...

    def nodes(self) -> Sequence[Object]:
        """All Node objects, in one request."""

    def new_id(self) -> str:
        """The ID of a token that does not exist yet."""

    def ticket(self, machine: Machine, token_id: str, run: str) -> Ticket:
        """Create a token with this ID for the machine; the ticket contains it."""

    def revoke(self, token_id: str) -> None:
        """Delete the token, if it exists."""

    def delete_node(self, name: str) -> None:
        """Delete the Node object, if it exists."""

    def delete_former(self, machine: Machine, node: Object) -> None:
        """Delete the Node that the machine had under another name."""

    def patch_node(self, name: str, patch: Callable[[Object], Object]) -> None:
        """Patch the Node, if it exists, with the patch for its current state, unless that is empty."""


def description(run: str, machine: str) -> str:
    """The description of a machine's token, by which `edgeadm token list` shows its origin."""
    return f"edgeadm fleet run {run} machine {machine}"


def new_id() -> str:
    """A random ID of a token."""
    return tokens.split(str(pki.new_token()))[0]


def token_of(token_id: str, run: str, machine: str, now: datetime) -> tokens.BootstrapToken:
    """A new token with this ID for a machine; it does not exist in the cluster yet."""
    secret = tokens.split(str(pki.new_token()))[1]
    return tokens.BootstrapToken(token_id, secret, now + LIFETIME, description=description(run, machine))


@dataclass(frozen=True)
class ClusterAdmission:
    """The admission to a cluster that exists. `endpoint` is the address for machines, empty for the one that
    the cluster announces."""

    access: Access
    endpoint: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    certificate_key: Secret | None = None
    exists: bool = True

    @cached_property
    def _endpoint(self) -> str:
        return self.endpoint or self.access.endpoint()

    @cached_property
    def _ca_hash(self) -> str:
        return pki.discovery_hash(self.access.authority())

    def nodes(self) -> Sequence[Object]:
        return answered(lambda: self.access.cluster.list_objects("v1", "Node"))

    def new_id(self) -> str:
        return new_id()

    def ticket(self, machine: Machine, token_id: str, run: str) -> Ticket:
        token = token_of(token_id, run, machine.name, self.now())

        def create() -> Ticket:
            ticket = Ticket(self._endpoint, self._ca_hash, Secret(token.token), self.certificate_key)
            tokens.create(self.access.cluster, token)
            return ticket

        return answered(create)

    def revoke(self, token_id: str) -> None:
        with suppress(tokens.NoSuchTokenError):
            answered(lambda: tokens.delete(self.access.cluster, token_id))

    def delete_node(self, name: str) -> None:
        answered(lambda: self.access.cluster.delete("v1", "Node", name))

    def delete_former(self, machine: Machine, node: Object) -> None:  # noqa: ARG002
        self.delete_node(node["metadata"]["name"])

    def patch_node(self, name: str, patch: Callable[[Object], Object]) -> None:
        def change() -> None:
            node = self.access.cluster.get("v1", "Node", name)
            wanted = patch(node) if node is not None else {}
            if wanted:
                self.access.cluster.patch(wanted)

        answered(change)


def answered(ask: Callable[[], T]) -> T:
    """The answer of the API. Raises ClusterAwayError, which is not the fault of a machine."""
    try:
        return ask()
    except ClusterAwayError:
        raise
    except UnreachableError as error:
        raise ClusterAwayError(error.message, context=error.context, hint=error.hint) from error


@dataclass(frozen=True)
class NoCluster:
    """The admission of the first control plane: there are neither tokens nor Nodes."""

    exists: bool = False

    def nodes(self) -> Sequence[Object]:
        return ()

    def new_id(self) -> str:
        return ""

    def ticket(self, machine: Machine, token_id: str, run: str) -> Ticket:  # noqa: ARG002
        return Ticket("", "", Secret(""))

    def revoke(self, token_id: str) -> None:
        """Does nothing."""

    def delete_node(self, name: str) -> None:
        """Does nothing."""

    def delete_former(self, machine: Machine, node: Object) -> None:
        """Does nothing."""

    def patch_node(self, name: str, patch: Callable[[Object], Object]) -> None:
        """Does nothing."""
