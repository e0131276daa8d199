"""Machines that several NodeTasks name, and the host keys that any of them recorded."""

from __future__ import annotations

from collections.abc import Iterable

from edgeadm.cluster import Object
from edgeadm.fleet.controller.status import machines_of
from edgeadm.fleet.states import State


def claims(tasks: Iterable[Object]) -> dict[str, str]:
    """Address → uid of the oldest task that has not finished the machine. `tasks` are sorted by age."""
    found: dict[str, str] = {}
    for obj in tasks:
        for each in machines_of(obj):
            if each["state"] != State.READY:
                found.setdefault(each["address"], str(obj["metadata"].get("uid", "")))
    return found


def keys_of(tasks: Iterable[Object], address: str) -> tuple[str, ...]:
    """The host keys that the newest task recorded for this address."""
    found: tuple[str, ...] = ()
    for obj in tasks:
        for each in machines_of(obj):
            if each["address"] == address and each.get("hostKeys"):
                found = tuple(each["hostKeys"])
    return found
