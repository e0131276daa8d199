"""Every command line that users learn edgeadm from, typed into edgeadm on a machine in memory."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edgeadm.phases.discover import KUBEADM_CERTS, KUBEADM_CONFIG
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.cli.world import edgeadm
from tests.machine import Machine
from tests.packed import VERSION

CASES = tomllib.loads((Path(__file__).parents[1] / "cases" / "command-lines.toml").read_text())["line"]
NOW = [each for each in CASES if "later" not in each]
LATER = [each for each in CASES if "later" in each]
FILLED = {
    "HASH": discovery_hash(authority()[0]),
    "KEY": "0" * 64,
    "TOKEN": "abcdef.0123456789abcdef",
    "VERSION": VERSION,
}
PROGRAMS = ("edgeadm", "kubeadm")


def machine_of(case: dict[str, Any], folder: Path) -> Machine:
    machine = Machine(folder)
    if case.get("on") in ("plain", "edge"):
        machine.make_control_plane()
        machine.host.files["/usr/bin/kubeadm"] = b""
    if case.get("on") == "ha":
        settings = "controlPlaneEndpoint: 10.0.0.99:6443\nnetworking: {serviceSubnet: 10.96.0.0/12}"
        machine.api |= {KUBEADM_CONFIG: {"data": {"ClusterConfiguration": settings}}, KUBEADM_CERTS: {}}
    if case.get("on") == "edge":
        assert edgeadm(machine, "addon", "edge-apps").status == 0
    return machine


def title(case: dict[str, Any]) -> str:
    return f"{case['seed']}-{case['words'][:60]}"


@pytest.mark.parametrize("case", NOW, ids=title)
def test_a_command_line_of_the_texts_is_accepted(case: dict[str, Any], tmp_path: Path) -> None:
    program, *words = shlex.split(case["words"].format(**FILLED))
    assert program in PROGRAMS
    ended = edgeadm(machine_of(case, tmp_path), *words)
    code = case.get("code", "")
    assert ended.status == case.get("status", 0), ended.err
    assert f"[{code}]" in ended.err if code else "error: " not in ended.err
    assert case.get("shows", "") in ended.out + ended.err


def test_each_text_is_there_and_what_is_missing_has_its_issue() -> None:
    assert {each["seed"] for each in CASES} == {"000", "001", "002", "003", "004", "kubeadm"}
    assert all(each["later"] > 11 and each["words"].startswith("kubectl ") for each in LATER)


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["init", "--install-pkg-path", "P", "-o=json", "-v=6", "--no-such"], "usage"),
        (["init", "--install-pkg-path", "P", "-v=six"], "usage"),
        (["init", "-v=6", "-o=xml"], "usage"),
    ],
)
def test_a_bad_value_of_a_short_option_is_named_without_its_sign(
    words: list[str], codes: str, tmp_path: Path
) -> None:
    ended = edgeadm(Machine(tmp_path), *words)
    assert (ended.status, f"[{codes}]" in ended.err, "'=" in ended.err) == (1, True, False)
    assert ended.out.startswith("{") is ("-o=json" in words)


@pytest.mark.parametrize("level", ["-v=6", "-v6", "--v=6", "--v 6", "-v 6"])
def test_the_level_of_talk_reaches_kubeadm(level: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ended = edgeadm(machine, "init", "--install-pkg-path", "P", *level.split())
    assert ended.status == 0, ended.err
    assert any(line.startswith("kubeadm init") and " -v=6" in line for line in machine.host.ran)


def test_a_switch_does_not_take_the_next_word(tmp_path: Path) -> None:
    pin = FILLED["HASH"]
    words = (
        "--enable-edge",
        "10.0.0.11:6443",
        "--token",
        FILLED["TOKEN"],
        "--discovery-token-ca-cert-hash",
        pin,
    )
    ended = edgeadm(Machine(tmp_path), "join", *words, "--install-pkg-path", "P")
    assert ended.status == 0, ended.err


def test_options_without_effect_are_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.make_control_plane()
    edgeadm(machine, "addon", "edge-apps")
    ended = edgeadm(machine, "detach", "edge-apps", "--ca.cert", "/etc/kubernetes/pki/ca.crt")
    assert ended.status == 0, ended.err
    assert "`--ca.cert` has no effect on `detach edge-apps`" in ended.err
    ended = edgeadm(machine, "token", "generate", "-v=3")
    assert "`--v` has no effect on `token generate`" in ended.err


def test_a_file_with_a_reset_configuration_is_read(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    edgeadm(machine, "init", "--install-pkg-path", "P")
    file = tmp_path / "reset.yaml"
    file.write_text(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\ncleanupTmpDir: true\n"
        "certificatesDir: /srv/pki\nignorePreflightErrors: [all]\n"
    )
    asked = edgeadm(machine, "reset", "--config", str(file), "--force=false")
    assert "[unconfirmed]" in asked.err, "a flag wins over the document"
    ended = edgeadm(machine, "reset", "--config", str(file))
    assert ended.status == 0, ended.err
    said = next(line for line in machine.host.ran if "kubeadm reset" in line)
    assert "--cert-dir /srv/pki --cleanup-tmp-dir --ignore-preflight-errors=all" in said
