"""A cluster in memory that gets the components of an edge cluster."""

from __future__ import annotations

from typing import Any

from edgeadm.config import Config
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.workflows import ADDON
from tests.machine import Machine
from tests.reports import Recorded

EDGE = {"superedge.io/node-edge": "enable"}


def context(machine: Machine, config: Config | None = None, **more: Any) -> Context:
    ctx = machine.context(config, **more)
    ctx.journal.verb = ADDON.name
    return ctx


def run(
    machine: Machine, workflow: Workflow = ADDON, config: Config | None = None, only: tuple[str, ...] = ()
) -> int:
    return Run(workflow, context(machine, config), Recorded()).apply(workflow.select(only))


def edge_pod(machine: Machine, *, log: str | None) -> None:
    """An edge node that is up, with the tunnel's Pod on it; without a log, nobody gets at it."""
    machine.add_node("edge1", EDGE)
    machine.cluster.objects["v1", "Pod", "edge-system", "tunnel-edge-1"] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "tunnel-edge-1", "namespace": "edge-system", "labels": {"app": "tunnel-edge"}},
        "spec": {"nodeName": "edge1", "containers": [{"command": ["tunnel"]}]},
        # Ready it is only while it is connected.
        "status": {"phase": "Running", "conditions": []},
    }
    if log is not None:
        machine.cluster.logs["edge-system", "tunnel-edge-1"] = log
