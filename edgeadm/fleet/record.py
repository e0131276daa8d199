"""The record of the settings that a machine joined with, which tells whether a document changes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from edgeadm.config.secret import unmarked
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Fleet, Machine

SCHEMA = 1
FIELDS = ("ca", "role", "name", "labels", "taints", "settings", "package")
# Fields that the API changes on a live node.
ON_THE_NODE = ("labels", "taints")


def record(fleet: Fleet, machine: Machine, *, ca: str, package: str) -> dict[str, Any]:
    """The settings of a machine and their hash. `ca` is the hash of the CA of its cluster, `package` that of
    the content of its role."""
    settings = unmarked({**fleet.settings, **machine.settings}, "***")
    values = {
        "ca": ca,
        "role": str(machine.role),
        "name": machine.name,
        "labels": labels_of(fleet, machine),
        "taints": sorted(machine.taints),
        "settings": settings,
        "package": package,
    }
    text = json.dumps(values, sort_keys=True, default=str)
    return {"schema": SCHEMA, "hash": hashlib.sha256(text.encode()).hexdigest(), **json.loads(text)}


def labels_of(fleet: Fleet, machine: Machine) -> dict[str, str]:
    """The labels of the Node, with the mark of the fleet."""
    mark = dict([fleet.mark]) if fleet.mark else {}
    return {**machine.labels, **mark}


def differences(wanted: Mapping[str, Any], facts: Facts) -> tuple[str, ...]:
    """The fields in which the machine differs from the wanted record; none if it has no record, because it
    joined without a fleet."""
    if not facts.applied or facts.applied == wanted["hash"]:
        return ()
    return tuple(name for name in FIELDS if facts.record.get(name) != wanted[name]) or ("record",)
