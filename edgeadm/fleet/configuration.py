"""The configuration of a machine's `join` or `init`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgeadm.config.load import API, KIND, load, typed
from edgeadm.config.model import Config, every_setting, key_of
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.fleet.record import labels_of
from edgeadm.fleet.work import Ticket


def verb_of(ticket: Ticket) -> str:
    """`init` without a cluster that the machine could join."""
    return "join" if ticket.ca_hash else "init"


def documents(fleet: Fleet, machine: Machine, ticket: Ticket, package: str) -> list[Mapping[str, Any]]:
    """The EdgeConfiguration of the machine, and the documents of kubeadm for an `init`."""
    more = fleet.kubeadm_documents if verb_of(ticket) == "init" else ()
    return [document(fleet, machine, ticket, package), *more]


def document(fleet: Fleet, machine: Machine, ticket: Ticket, package: str) -> dict[str, Any]:
    """The EdgeConfiguration of the machine; `package` is the path of its package there."""
    config: dict[str, Any] = {"apiVersion": API, "kind": KIND, **fleet.settings, **machine.settings}
    config |= {"nodeName": machine.name, "installPkgPath": package}
    if ticket.token:
        config["token"] = ticket.token
    if verb_of(ticket) == "init":
        return config
    config |= {
        "apiServerEndpoint": ticket.endpoint,
        "discoveryTokenCaCertHash": [ticket.ca_hash],
        "nodeLabels": [f"{key}={value}" for key, value in sorted(labels_of(fleet, machine).items())],
        "registerWithTaints": list(machine.taints),
    }
    if machine.role is Role.WORKER:
        config["enableEdge"] = False
    if machine.role is Role.CONTROL_PLANE:
        config["controlPlane"] = True
        if ticket.certificate_key:
            config["certificateKey"] = ticket.certificate_key
    return config


def parsed(document: Mapping[str, Any], verb: str) -> Config:
    """The settings of an EdgeConfiguration as edgeadm reads them on the machine."""
    every = every_setting()
    names = {key_of(name): name for name in every}
    given = {
        names[key]: typed(value, every[names[key]].type) for key, value in document.items() if key in names
    }
    return replace(load(None, given), verb=verb)
