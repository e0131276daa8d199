"""Each unit, link, table, directory and kernel parameter that phases and templates create is declared by the
phase that creates it: reset is computed from these declarations, so none can be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeadm.core.journal import Journal
from edgeadm.core.leaves import Leaves
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.node import own_files
from edgeadm.node.offline_files import DRILL, OF_A_DRILL
from edgeadm.workflows import INIT, INVENTORY, JOIN
from tests.machine import Machine
from tests.reports import Recorded
from tests.wishes import asked, machine_for

TEMPLATES = Path(__file__).parents[3] / "templates"
UNIT = re.compile(r"/etc/systemd/system/[^/]+\.(service|timer|socket|path|mount|target)")
LINK = re.compile(r"ip link add (?:name |dev )?(\S+)")
TABLE = re.compile(r"\b(?:add )?table (ip6?|inet) (\S+) \{")
MADE_BY_KUBELET = re.compile(r"path: (\S+)\n\s+type: (?:Directory|File)OrCreate")
MADE_BY_SYSTEMD = re.compile(r"^(?:State|Cache|Runtime|Logs)Directory=(.+)$", re.MULTILINE)
MADE_BY_COMMAND = re.compile(r"(?:install -d|mkdir)(?: -\S+| \d+)* (/\S+)")
FLOWS = pytest.mark.parametrize("workflow", [INIT, JOIN], ids=lambda each: each.name)


def written(machine: Machine, workflow: Workflow) -> Iterator[tuple[str, str, str, Leaves]]:
    """Phase, path and text of each file that the phases wrote, and what the phase declares."""
    leaves = {step.path: step.phase.leaves for step in workflow.steps()}
    for record in Journal(machine.host).records():
        if record.event == "write":
            path = record.detail["path"]
            text = machine.host.files.get(path, b"").decode(errors="replace")
            yield record.phase, path, text, leaves[record.phase]


def run(workflow: Workflow, folder: Path) -> Machine:
    machine = machine_for(workflow, folder)
    Run(workflow, machine.context(asked(workflow)), Recorded()).apply(workflow.select())
    return machine


def is_covered(path: str, *declared: tuple[str, ...]) -> bool:
    """Whether the path, or a directory that it is in, is declared."""
    every = [each for group in (*declared, own_files.OWN_FOLDERS) for each in group]
    return any(path == each or path.startswith(f"{each}/") for each in every)


@FLOWS
def test_each_unit_is_declared_by_the_phase_that_writes_it(workflow: Workflow, tmp_path: Path) -> None:
    found = [each for each in written(run(workflow, tmp_path), workflow) if UNIT.fullmatch(each[1])]
    assert len({path for _, path, _, _ in found}) >= 5
    for phase, path, _, leaves in found:
        assert path in {unit.file for unit in leaves.units}, f"{phase} leaves {path}"


@FLOWS
def test_each_unit_that_is_enabled_is_declared(workflow: Workflow, tmp_path: Path) -> None:
    machine = run(workflow, tmp_path)
    known = {unit.name for unit in INVENTORY.units}
    enabled = [line.split()[3:] for line in machine.host.ran if line.startswith("systemctl enable --quiet ")]
    assert enabled
    assert {unit for units in enabled for unit in units} <= known


def test_each_template_of_a_unit_is_declared() -> None:
    files = {unit.file.rpartition("/")[2] for unit in INVENTORY.units}
    found = {path.name.removesuffix(".j2") for path in (TEMPLATES / "systemd").iterdir()}
    assert {name for name in found if UNIT.fullmatch(f"/etc/systemd/system/{name}")} == files


@FLOWS
def test_each_link_and_table_is_declared_by_the_phase_that_writes_it(
    workflow: Workflow, tmp_path: Path
) -> None:
    links, tables = 0, 0
    for phase, path, text, leaves in written(run(workflow, tmp_path), workflow):
        for link in LINK.findall(text):
            links += 1
            assert link in leaves.links, f"{phase} leaves the link {link} by {path}"
        for family, name in TABLE.findall(text):
            tables += 1
            assert f"{family} {name}" in leaves.tables, f"{phase} leaves the table {name} by {path}"
    assert (links, tables) >= ((1, 1) if workflow is JOIN else (0, 0))


def test_the_table_of_a_drill_is_declared() -> None:
    text = (TEMPLATES / "edge" / "drill.nft.j2").read_text()
    assert set(re.findall(r"^(?:create )?table (\S+ .+?)(?: \{)?$", text, re.MULTILINE)) == {
        "inet {{ table }}"
    }
    assert OF_A_DRILL.tables == (DRILL,)
    assert set(OF_A_DRILL.tables) <= set(INVENTORY.tables)


@FLOWS
def test_each_directory_that_a_command_or_a_unit_makes_is_declared(
    workflow: Workflow, tmp_path: Path
) -> None:
    machine = run(workflow, tmp_path)
    found = {path for line in machine.host.ran for path in MADE_BY_COMMAND.findall(line)}
    assert found
    for _, _, text, _ in written(machine, workflow):
        found |= set(MADE_BY_COMMAND.findall(text))
        for line in MADE_BY_SYSTEMD.findall(text):
            found |= {f"/var/lib/{name}" for name in line.split()}
    assert {path for path in found if not is_covered(path, INVENTORY.places)} == set()


def test_each_path_that_kubelet_makes_for_a_pod_is_declared() -> None:
    found = set()
    for path in TEMPLATES.rglob("*.yaml.j2"):
        found |= set(MADE_BY_KUBELET.findall(path.read_text()))
    assert found
    for each in found:
        # The one that is a value: flannel's directory on edge nodes, which has the file SUBNET.
        path = "/var/lib/flannel" if each.startswith("{{") else each
        assert is_covered(path, INVENTORY.places), path


@FLOWS
def test_each_kernel_parameter_is_declared_by_the_phase_that_sets_it(
    workflow: Workflow, tmp_path: Path
) -> None:
    for phase, path, text, leaves in written(run(workflow, tmp_path), workflow):
        if path.startswith("/etc/sysctl.d/"):
            names = {line.partition("=")[0].strip() for line in text.splitlines() if "=" in line}
            assert names
            assert names <= set(leaves.sysctls), phase
