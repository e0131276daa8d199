"""The faults of the end-to-end tests: each has a check, and its commands are valid."""

from __future__ import annotations

import subprocess

import pytest

from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from tests.e2e.planted import PLANTED, Planted


def test_every_fault_has_a_check_and_is_unique() -> None:
    assert len(PLANTED) >= 14
    assert len({each.what for each in PLANTED}) == len({each.code for each in PLANTED}) == len(PLANTED)
    assert {each.code for each in PLANTED} <= {each.code for each in AUTONOMY_CHECKS}
    assert {each.result for each in PLANTED} <= {"failed", "warning"}


@pytest.mark.runs_programs
@pytest.mark.parametrize("fault", PLANTED, ids=lambda each: each.code)
def test_its_commands_are_valid_bash(fault: Planted) -> None:
    for line in (fault.plant, fault.take_back):
        done = subprocess.run(["bash", "-n", "-c", line], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), line
