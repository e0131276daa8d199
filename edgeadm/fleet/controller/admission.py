"""Bootstrap tokens of the controller: an ID is in the status of the task before its token exists, so that any
replica can revoke it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edgeadm.cluster import Object, Store
from edgeadm.cluster.kubeconfig import announced_server
from edgeadm.config.address import HostPort
from edgeadm.config.secret import Secret
from edgeadm.fleet.controller import status
from edgeadm.fleet.controller.errors import NotLeaderError, StoreError
from edgeadm.fleet.model import Machine
from edgeadm.fleet.tokens import answered, new_id, token_of
from edgeadm.fleet.work import Ticket
from edgeadm.kubeadm import tokens


@dataclass
class TaskAdmission:
    """Admits the machines of one task. `holds` tells whether this replica is the leader: another one creates
    no token."""

    store: Store
    obj: Object
    ca_hash: str
    endpoint: str
    holds: Callable[[], bool]
    exists: bool = True
    _machines: dict[str, str] = field(default_factory=dict)

    def nodes(self) -> Sequence[Object]:
        return answered(lambda: self.store.list_objects("v1", "Node"))

    def new_id(self) -> str:
        return new_id()

    def ticket(self, machine: Machine, token_id: str, run: str) -> Ticket:
        return answered(lambda: self._ticket(machine.name, token_id, run))

    def revoke(self, token_id: str) -> None:
        answered(lambda: self._revoke(token_id))

    def delete_node(self, name: str) -> None:
        if not self.holds():
            raise NotLeaderError("another replica of the controller is the leader now")
        answered(lambda: self.store.delete("v1", "Node", name))

    def delete_former(self, machine: Machine, node: Object) -> None:  # noqa: ARG002
        self.delete_node(node["metadata"]["name"])

    def patch_node(self, name: str, patch: Callable[[Object], Object]) -> None:
        """The loop sets the label of the task, and no other."""

    def know(self, token_id: str, machine: str) -> None:
        """A token of this machine that an earlier run may have left behind."""
        self._machines[token_id] = machine

    def _ticket(self, name: str, token_id: str, run: str) -> Ticket:
        if not self.holds():
            raise NotLeaderError("another replica of the controller is the leader now")
        self.know(token_id, name)
        if not self._keep(name, token_id):
            raise NotLeaderError("the NodeTask was deleted")
        token = token_of(token_id, run, name, datetime.now(UTC))
        self.store.create(tokens.to_secret(token))
        return Ticket(self.endpoint, self.ca_hash, Secret(token.token))

    def _revoke(self, token_id: str) -> None:
        self.store.delete("v1", "Secret", tokens.PREFIX + token_id, tokens.NAMESPACE)
        name = self._machines.pop(token_id, "")

        def clear(found: status.Status) -> None:
            machine = status.machine_of(found, name)
            if machine is not None and machine.get("token") == token_id:
                del machine["token"]

        status.write(self.store, self.obj, clear)

    def _keep(self, name: str, token_id: str) -> bool:
        kept = False

        def change(found: status.Status) -> None:
            nonlocal kept
            machine = status.machine_of(found, name)
            kept = machine is not None
            if machine is not None:
                machine["token"] = token_id

        return status.write(self.store, self.obj, change) is not None and kept


def announced(store: Store) -> str:
    """HOST:PORT that the cluster announces to machines. Raises StoreError."""
    found = announced_server(store)
    if not found:
        raise StoreError(
            "the cluster announces no endpoint: ConfigMap/kube-public/cluster-info does not exist",
            hint="`edgeadm addon edge-apps phase bootstrap` creates it",
        )
    return str(HostPort.of_url(found))
