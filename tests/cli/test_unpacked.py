"""The unpacked package of a failed run: removed if nothing was changed yet, else kept for the next run."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest

from edgeadm.core.journal import PATH
from edgeadm.hosts import Result
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.cli.world import edgeadm
from tests.machine import Machine
from tests.packed import Unpacked

PIN = discovery_hash(authority()[0])


@dataclass(frozen=True)
class Watched(Unpacked):
    """A package that notes each removal of its unpacked files."""

    removals: list[str] = field(default_factory=list)

    def close(self) -> None:
        self.removals.append("removed")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    package = found.package
    assert package is not None
    found.package = Watched(**{each.name: getattr(package, each.name) for each in fields(package)})
    return found


def removals(machine: Machine) -> list[str]:
    assert isinstance(machine.package, Watched)
    return machine.package.removals


def join(machine: Machine) -> int:
    words = ("10.0.0.11:6443", "--token", "abcdef.0123456789abcdef", "--discovery-token-ca-cert-hash", PIN)
    return edgeadm(machine, "join", *words, "--install-pkg-path", "/mnt/package").status


def take_its_name(machine: Machine) -> None:
    """Another node of that name is alive: `discover` refuses the join."""
    machine.api["/api/v1/nodes/cp1"] = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def test_a_refusal_after_preflight_removes_it(machine: Machine) -> None:
    take_its_name(machine)
    assert join(machine) != 0
    assert PATH not in machine.host.files
    assert removals(machine) == ["removed"]


def test_a_failure_after_the_first_change_keeps_it_for_the_next_run(machine: Machine) -> None:
    machine.host.answers["kubeadm join"] = Result(code=1, err="it did not work")
    assert join(machine) != 0
    assert PATH in machine.host.files
    assert removals(machine) == []
