"""What a node gets out of a package, where, and with which mode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.phases.package import InstallPrograms
from tests.machine import Machine
from tests.packed import packed

TOOLS = "/usr/lib/edgeadm/vip"


@pytest.mark.parametrize("role", ["control-plane", "worker", "edge"])
def test_tools_have_a_folder_of_their_own_on_control_planes(role: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, role=role)
    InstallPrograms().apply(machine.context())
    found = {path.removeprefix(f"{TOOLS}/") for path in machine.host.files if path.startswith(TOOLS)}
    assert found == (
        {"haproxy", "keepalived", "libc.so.6", "vip-members"} if role == "control-plane" else set()
    )
    assert "/usr/bin/keepalived" not in machine.host.files


def test_a_library_keeps_its_mode_and_a_program_that_lost_its_own_gets_it_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ctx, phase = machine.context(), InstallPrograms()
    phase.apply(ctx)
    assert machine.host.files[f"{TOOLS}/keepalived"] == packed("tools/vip/keepalived")
    assert (machine.host.modes[f"{TOOLS}/keepalived"], machine.host.modes[f"{TOOLS}/libc.so.6"]) == (
        0o755,
        0o644,
    )
    assert not phase.check(ctx).needed
    machine.host.modes[f"{TOOLS}/keepalived"] = 0o644
    assert phase.check(ctx).needed
    phase.apply(ctx)
    assert machine.host.modes[f"{TOOLS}/keepalived"] == 0o755


def test_a_package_without_tools_installs_none(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.package is not None
    manifest = machine.package.manifest
    files = tuple(each for each in manifest.files if each.kind != "tool")
    machine.package = replace(machine.package, manifest=replace(manifest, files=files))
    InstallPrograms().apply(machine.context())
    assert not any(path.startswith("/usr/lib/edgeadm") for path in machine.host.files)
    assert "/usr/bin/kubeadm" in machine.host.files
