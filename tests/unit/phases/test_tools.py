"""What a node gets out of a package, where, and with which mode."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import edgeadm
from edgeadm.checks.engine import WRONG, run_checks, with_result
from edgeadm.config import Config
from edgeadm.node import ownership
from edgeadm.package.manifest import FILTERS, TOOLS_ON_NODE
from edgeadm.phases.kubelet import Kubelet
from edgeadm.phases.package import InstallPrograms
from edgeadm.preflight.node import NODE_CHECKS, REQUIRED
from edgeadm.preflight.subject import Subject
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


def test_a_machine_without_iptables_gets_the_one_of_the_package(tmp_path: Path) -> None:
    machine = Machine(tmp_path, programs=frozenset())
    ctx, phase = machine.context(), InstallPrograms()
    phase.apply(ctx)
    for name in FILTERS:
        assert machine.host.files[f"/usr/local/sbin/{name}"] == packed(f"tools/net/{name}")
        assert machine.host.modes[f"/usr/local/sbin/{name}"] == 0o755
    assert not phase.check(machine.context()).needed
    machine.host.remove("/usr/local/sbin/iptables")
    assert phase.check(machine.context()).needed
    # One that is installed later is preferred by the script itself, which stays.
    machine.host.files["/usr/sbin/iptables-save"] = b"own"
    phase.apply(machine.context())
    assert machine.host.files["/usr/local/sbin/iptables-save"] == packed("tools/net/iptables-save")


def test_a_machine_with_its_own_iptables_keeps_it_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path, programs=frozenset(FILTERS))
    InstallPrograms().apply(machine.context())
    assert not any(path.startswith("/usr/local/sbin/") for path in machine.host.files)
    assert f"{TOOLS_ON_NODE}/net/iptables" in machine.host.files


@pytest.mark.parametrize("journal", [True, False])
def test_reset_removes_the_scripts_also_without_its_journal(tmp_path: Path, *, journal: bool) -> None:
    machine = Machine(tmp_path, programs=frozenset())
    ctx = machine.context()
    ctx.journal.verb, ctx.journal.phase = "init", "package"
    InstallPrograms().apply(ctx)
    Kubelet().apply(ctx)
    text = f"#!/bin/sh\nexec {TOOLS_ON_NODE}/net/xtables-nft-multi\n".encode()
    for name in FILTERS:
        machine.host.files[f"/usr/local/sbin/{name}"] = text
    machine.host.files["/usr/local/sbin/ip6tables"] = b"#!/bin/sh\n# of this machine's administrator\n"
    if not journal:
        del machine.host.files["/var/lib/edgeadm/journal.jsonl"]
    found = {record.detail["path"] for record in ownership.changes(machine.context())}
    assert {f"/usr/local/sbin/{name}" for name in FILTERS if name != "ip6tables"} <= found
    assert ("/usr/local/sbin/ip6tables" in found) == journal


@pytest.mark.parametrize(
    ("package", "kubernetes", "missing"),
    [
        (True, "v1.37.2", []),
        (False, "v1.37.2", ["FileExisting-iptables"]),
        (True, "v1.31.14", ["FileExisting-ethtool", "FileExisting-socat"]),
    ],
)
def test_preflight_judges_by_what_package_and_machine_have_together(
    tmp_path: Path, kubernetes: str, missing: list[str], *, package: bool
) -> None:
    machine = Machine(tmp_path, programs=frozenset())
    subject = Subject(machine.host, Config(), kubernetes, machine.package if package else None)
    check = next(each for each in NODE_CHECKS if each.code == "FileExisting")
    found = with_result(run_checks((check,), subject), *WRONG)
    assert [each.code for each in found] == missing
    assert all((each.result == "failed") == (each.code == "FileExisting-iptables") for each in found)


CALLS = re.compile(r"\.host\.(?:ask|run)\(\s*\"([\w./-]+)\"|\bhost\.(?:ask|run)\(\s*\"([\w./-]+)\"")
UNITS = re.compile(r"^Exec\w+=-?(/?\w[\w./-]*)", re.MULTILINE)
# In every image of Linux, or asked for in a way that an absence is an answer.
EVERYWHERE = {
    "grep",
    "install",
    "timeout",
    "chmod",
    "date",
    "hostname",
    "id",
    "nproc",
    "rm",
    "rmdir",
    "tee",
    "test",
    "uname",
}
MAY_BE_ABSENT = {
    *("systemd-detect-virt", "ping", "dpkg", "rpm", "nft", "pgrep", "pkill"),
    *("networkctl", "nmcli"),
}
# In the packages of systemctl and ip.
WITH_OTHERS = {"systemd-run", "ss"}
BROUGHT = {"kubeadm", "containerd", "ctr", "kubelet", "lite-apiserver", "edgeadm-node"}


def test_preflight_asks_for_every_program_that_edgeadm_starts_on_a_node() -> None:
    root = Path(edgeadm.__file__).parent
    started: set[str] = set()
    for path in root.rglob("*.py"):
        if path.is_relative_to(root / "sandbox") or path.is_relative_to(root / "package"):
            continue
        started |= {one or other for one, other in CALLS.findall(path.read_text())}
    for path in (root.parent / "templates/systemd").glob("*.service.j2"):
        started |= {Path(each).name for each in UNITS.findall(path.read_text())}
    assert {"ip", "systemctl", "sysctl", "modprobe", "find"} <= started, "the search finds nothing"
    assert started - {*REQUIRED, *EVERYWHERE, *MAY_BE_ABSENT, *WITH_OTHERS, *BROUGHT} == set()


def test_a_tool_is_said_in_one_line_however_many_files_it_has(tmp_path: Path) -> None:
    said: list[str] = []
    InstallPrograms().apply(Machine(tmp_path).context(say=said.append))
    assert [line for line in said if TOOLS_ON_NODE in line] == [
        f"installed {TOOLS_ON_NODE}/{folder}" for folder in ("net", "vip")
    ]
