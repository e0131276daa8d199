"""Machines of fleets with their facts, Nodes, and the events of whole runs, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from edgeadm.checks.engine import Finding, Result
from edgeadm.fleet.events import (
    FleetEvent,
    MachineChanged,
    MachineProgress,
    MachineResult,
    RunEnded,
    RunStarted,
)
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.fleet.states import State
from edgeadm.hosts.ssh.target import Target

OURS, THEIRS = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def machine(number: int, **more: Any) -> Machine:
    """Machine of this number, an edge machine of the site `a` unless told otherwise."""
    known = {"name": f"edge-{number}", "target": Target(f"10.1.0.{number}"), "role": Role.EDGE, "site": "a"}
    return Machine(**known | more)


def facts(number: int, **more: Any) -> Facts:
    """The facts of the machine of this number: nothing is wrong with it."""
    known: dict[str, Any] = {
        "hostname": f"host-{number}",
        "arch": "amd64",
        "machine_id": f"c{number:031x}",
        "serial": f"SN-{number}A",
        "product_uuid": f"{number:08d}-1111-2222-3333-444455556666",
        "os": "Debian GNU/Linux 12",
        "kernel": "6.1.0-18-amd64",
        "systemd": 252,
        "cpus": 4,
        "memory_mib": 8000,
        "free_mib": {"/": 20000, "/var/lib": 20000},
        "addresses": {"eth0": (f"10.1.0.{number}/24",)},
        "macs": {"eth0": f"52:54:00:00:00:{number % 256:02x}"},
        "reaches": {"203.0.113.7:6443": True, "203.0.113.7:30900": True},
    }
    return Facts(**known | more)


def node(name: str, number: int = 0, *, ready: bool = True, address: str = "") -> dict[str, Any]:
    """A Node whose kubelet runs on the machine of this number."""
    return {
        "metadata": {"name": name},
        "status": {
            "nodeInfo": {"machineID": facts(number).machine_id},
            "addresses": [{"type": "InternalIP", "address": address or f"10.9.0.{number}"}],
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def member(**more: Any) -> Membership:
    """A node of our cluster."""
    known: dict[str, Any] = {"node": "edge-1", "ca": OURS, "role": "edge", "active": True, "complete": True}
    return Membership(**known | more)


def finding(code: str, text: str = "", hint: str = "", result: Result = Result.FAILED) -> Finding:
    """A finding of a machine."""
    return Finding(code, "host", "the host is suitable", result, text or f"{code} is wrong", hint)


def failed(number: int, code: str, detail: str = "", hint: str = "", **more: Any) -> MachineResult:
    """A machine that failed."""
    found = MachineResult(
        machine(number), State.FAILED, "join", detail or f"{code} happened", code, hint, seconds=2.0
    )
    return replace(found, **more)


def waiting(number: int, **more: Any) -> MachineResult:
    """A machine that was not reached."""
    found = MachineResult(
        machine(number), State.WAITING, "", "no route to host", "no-route", "check the cable", seconds=90.0
    )
    return replace(found, **more)


def ready(number: int, **more: Any) -> MachineResult:
    """A machine that became a node."""
    found = MachineResult(
        machine(number), State.READY, "join", wan=1 << 20, lan=5 << 20, shells=3, seconds=9.0
    )
    return replace(found, **more)


WAY = (State.REACHABLE, State.CHECKED, State.LOADED, State.JOINING, State.JOINED)


def run(*results: MachineResult, **more: Any) -> Iterator[FleetEvent]:
    """The events of a run with these results: each machine takes a second longer than the one before."""
    fleet = Fleet("shops", tuple(each.machine for each in results))
    yield RunStarted("nodes add", "run-1", fleet, fleet.machines)
    for index, each in enumerate(results):
        yield from steps(each, 1.0 + index / 4)
    end = {"seconds": 20.0 + len(results) / 4, "exit_code": 0} | more
    yield RunEnded(results, **end)


def steps(result: MachineResult, second: float) -> Iterator[FleetEvent]:
    """The transitions of one machine, each after so many seconds."""
    name, before, at = result.machine.name, State.KNOWN, 0.0
    yield MachineProgress(name, "connect", at)
    way = WAY[: 5 if result.state is State.READY else 2 if result.state is State.FAILED else 0]
    for state in way:
        at += second
        yield MachineChanged(name, before, state, at, second)
        before = state
    at += second
    yield MachineChanged(
        name, before, result.state, at, second, result.detail, result.code, result.hint, result.context
    )
