"""lite-apiserver's certificate: how it comes, and who renews it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm import pki, workflows
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.node.lite_files import PAIR
from edgeadm.node.units import RENEWAL_TIMER, RENEWAL_TIMER_FILE
from edgeadm.phases.edge_certificate import EdgeCertificate
from edgeadm.phases.lite_apiserver import LiteApiServer
from tests.certificates import new_pair
from tests.machine import Machine
from tests.reports import Recorded
from tests.wishes import asked


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, role="edge")


def joining(machine: Machine, **more: object) -> Context:
    """The context of a join that has found its cluster."""
    ctx = replace(machine.context(asked(workflows.JOIN)), **more)
    run = Run(workflows.JOIN, ctx, Recorded())
    run.apply([step for step in workflows.JOIN.steps() if step.path in ("discover", "package")])
    return ctx


def test_a_run_that_was_cut_off_goes_on_with_its_key(machine: Machine) -> None:
    ctx, key = joining(machine), pki.new_key()
    machine.host.write(PAIR, key, 0o600)
    EdgeCertificate().apply(ctx)
    found = machine.host.files[PAIR]
    assert found.startswith(key)
    assert pki.fits(found, found)
    assert machine.host.modes[PAIR] == 0o600
    assert not EdgeCertificate().check(ctx).needed


def test_a_certificate_with_other_names_is_replaced_and_so_is_its_key(machine: Machine) -> None:
    ctx, (certificate, key) = joining(machine), new_pair("another field manager")
    machine.host.write(PAIR, key + certificate, 0o600)
    assert EdgeCertificate().check(ctx).reason == "the certificate has other names or has expired"
    EdgeCertificate().apply(ctx)
    assert key not in machine.host.files[PAIR]
    assert not EdgeCertificate().check(ctx).needed


def test_a_timer_has_it_renewed(machine: Machine) -> None:
    ctx = joining(machine)
    LiteApiServer().apply(ctx)
    assert machine.units[RENEWAL_TIMER] == {"enabled", "active"}
    assert not LiteApiServer().check(ctx).needed
    machine.units[RENEWAL_TIMER].discard("active")
    assert LiteApiServer().check(ctx).reason == f"the unit {RENEWAL_TIMER} is not running"


def test_without_the_program_that_renews_there_is_no_timer_and_a_warning(machine: Machine) -> None:
    warnings: list[str] = []
    ctx = joining(machine, warn=warnings.append)
    machine.host.remove("/usr/bin/edgeadm-node")
    LiteApiServer().apply(replace(ctx, package=None))
    assert RENEWAL_TIMER not in machine.units
    assert RENEWAL_TIMER_FILE not in machine.host.files
    assert warnings == [
        "/usr/bin/edgeadm-node is missing: the certificate of lite-apiserver is not renewed automatically"
    ]
