"""`edgeadm reset` from its command line to its words and exit status, on a machine in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeadm.core.journal import PATH
from edgeadm.hosts import Result
from tests.cli.world import edgeadm, logs
from tests.machine import Machine

FLAGS = ("--install-pkg-path", "/mnt/package", "--pod-network-cidr", "192.168.0.0/16")


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def machine(bare: Machine) -> Machine:
    """A control plane; what it was is in `before`."""
    ended = edgeadm(bare, "init", *FLAGS)
    assert ended.status == 0, ended.err
    return bare


def test_it_takes_everything_back_and_leaves_no_log(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    before = dict(machine.host.files)
    edgeadm(machine, "init", *FLAGS)
    ended = edgeadm(machine, "reset", "-f")
    assert ended.status == 0, ended.err
    assert "This host is in its state before edgeadm." in ended.out
    assert machine.host.files == before
    assert logs(machine) == ""
    assert not (tmp_path / "logs").exists()


def test_a_second_run_says_that_there_is_nothing_to_do(machine: Machine) -> None:
    edgeadm(machine, "reset", "-f")
    ran = list(machine.host.ran)
    ended = edgeadm(machine, "reset")
    assert (ended.status, ended.out) == (0, "")
    assert "nothing to do" in ended.err
    assert machine.host.ran == ran


def test_what_goes_is_shown_and_without_a_yes_nothing_is_touched(machine: Machine) -> None:
    before, ran = dict(machine.host.files), list(machine.host.ran)
    ended = edgeadm(machine, "reset")
    assert (ended.status, "[unconfirmed]" in ended.err) == (1, True)
    assert "to stop: kubelet, containerd" in ended.err
    assert "skip the confirmation with `--force`" in ended.err
    assert (machine.host.files, machine.host.ran) == (before, ran)


def test_json_tells_the_phases_and_what_is_left(machine: Machine) -> None:
    machine.host.files["/opt/cni/bin/mine"] = b""
    shown = json.loads(edgeadm(machine, "reset", "-f", "-o", "json").out)
    assert shown["changed"] > 5
    assert {phase["phase"] for phase in shown["phases"]} >= {"kubeadm", "rules", "files", "state"}
    assert shown["residue"] == [{"what": "/opt/cni/bin", "reason": "not created by edgeadm"}]


def test_logs_are_kept_where_they_are_wanted_and_after_a_failure(machine: Machine) -> None:
    machine.host.answers["umount"] = Result(code=32, err="busy")
    ended = edgeadm(machine, "reset", "-f")
    assert ended.status == 4
    assert "log: " in ended.err
    assert "umount" in logs(machine)
    del machine.host.answers["umount"]
    machine.host.answers["umount"] = Machine(machine.folder / "other").host.answers["umount"]
    assert edgeadm(machine, "reset", "-f", "--keep-logs").status == 0
    assert "run find /var/lib/edgeadm" in logs(machine)


def test_a_dry_run_and_a_plan_change_nothing(machine: Machine) -> None:
    before, ran, logged = dict(machine.host.files), list(machine.host.ran), logs(machine)
    dry = edgeadm(machine, "reset", "--dry-run")
    assert dry.status == 0, dry.err
    assert "  would run timeout 120 kubeadm reset --force" in dry.out
    assert "  would run iptables-restore --noflush" in dry.out
    assert "  would remove /usr/bin/kubelet" in dry.out
    assert json.loads(edgeadm(machine, "reset", "--dry-run", "-o", "json").out)["dryRun"] is True
    rows = json.loads(edgeadm(machine, "reset", "plan", "-o", "json").out)["phases"]
    assert {row["phase"] for row in rows if not row["needed"]} == {"images"}
    assert (machine.host.files, machine.host.ran, logs(machine)) == (before, ran, logged)


def test_one_phase_alone_and_a_phase_left_out(machine: Machine) -> None:
    alone = edgeadm(machine, "reset", "phase", "rules", "-f")
    assert alone.status == 0, alone.err
    assert "as it was" not in alone.out
    assert "phases that changed something: 1; other phases were skipped" in alone.err
    assert "KUBE-" not in machine.rules
    assert PATH in machine.host.files
    assert edgeadm(machine, "reset", "-f", "--skip-phases", "data,state").status == 0
    assert "/var/lib/etcd/member/wal" in machine.host.files
    assert PATH in machine.host.files


def test_a_lost_journal_is_said(machine: Machine) -> None:
    del machine.host.files[PATH]
    ended = edgeadm(machine, "reset", "-f")
    assert ended.status == 0
    assert "warning: the journal is missing" in ended.err
    assert "/usr/bin/kubelet" not in machine.host.files


def test_an_api_that_is_gone_leaves_the_node_in_the_list_and_says_so(machine: Machine) -> None:
    machine.cluster.ready = lambda: False  # type: ignore[method-assign]
    ended = edgeadm(machine, "reset", "-f")
    assert ended.status == 0
    assert (
        "Node `cp1` in the cluster: the API server does not respond; delete it with `kubectl delete node"
        in ended.out
    )


OURS = """apiVersion: edgeadm.io/v1alpha1
kind: EdgeConfiguration
certDir: /ours
keepNodeObject: true
installPkgPath: /missing/package
values: /missing/values.yaml
"""
THEIRS = """apiVersion: kubeadm.k8s.io/v1beta4
kind: ResetConfiguration
certificatesDir: /theirs
criSocket: unix:///theirs.sock
cleanupTmpDir: true
ignorePreflightErrors: [Swap, NumCPU]
force: true
"""


def kubeadm_line(machine: Machine, *args: str) -> str:
    """The `kubeadm reset` of a dry run."""
    ended = edgeadm(machine, "reset", "--dry-run", *args)
    assert ended.status == 0, ended.err
    return next(line for line in ended.out.splitlines() if "kubeadm reset" in line)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reset.yaml"
    path.write_text(f"{OURS}---\n{THEIRS}")
    return path


def test_options_come_from_flag_variable_file_and_kubeadms_document_in_this_order(
    machine: Machine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--cert-dir" not in kubeadm_line(machine)
    theirs = file.with_name("theirs.yaml")
    theirs.write_text(THEIRS)
    assert "--cert-dir /theirs" in kubeadm_line(machine, "--config", str(theirs))
    line = kubeadm_line(machine, "--config", str(file))
    assert "--cri-socket unix:///theirs.sock --cert-dir /ours --cleanup-tmp-dir" in line
    assert "--ignore-preflight-errors=Swap,NumCPU" in line
    monkeypatch.setenv("EDGEADM_CERT_DIR", "/variable")
    assert "--cert-dir /variable" in kubeadm_line(machine, "--config", str(file))
    assert "--cert-dir /flag" in kubeadm_line(machine, "--config", str(file), "--cert-dir", "/flag")
    monkeypatch.setenv("EDGEADM_CONFIG", str(file))
    monkeypatch.delenv("EDGEADM_CERT_DIR")
    assert "--cert-dir /ours" in kubeadm_line(machine)


def test_a_switch_on_the_command_line_wins_over_the_files(machine: Machine, file: Path) -> None:
    file.write_text(f"{OURS}---\n{THEIRS}dryRun: true\n")
    words = ("reset", "--config", str(file))
    assert "would run" in edgeadm(machine, *words).out
    assert "[unconfirmed]" in edgeadm(machine, *words, "--dry-run=false", "--force=false").err
    ended = edgeadm(machine, *words, "--dry-run=false")
    assert (ended.status, "in its state before edgeadm" in ended.out) == (0, True)
    assert "Node `cp1` in the cluster: `--keep-node-object`" in ended.out


def test_a_variable_confirms(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEADM_FORCE", "true")
    monkeypatch.setenv("EDGEADM_KEEP_LOGS", "true")
    monkeypatch.setenv("EDGEADM_SKIP_PHASES", "data")
    assert edgeadm(machine, "reset").status == 0
    assert "/var/lib/etcd/member/wal" in machine.host.files
    assert "run find /var/lib/edgeadm" in logs(machine)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (THEIRS.replace("force: true", "force: maybe"), "invalid-config"),
        (THEIRS + "dryRun: 1\n", "invalid-config"),
        (OURS + "certDirr: /x\n", "config-unknown-key"),
        (OURS.replace("true", "[]"), "invalid-config"),
    ],
)
def test_a_wrong_file_is_refused(text: str, code: str, machine: Machine, file: Path) -> None:
    file.write_text(text)
    before, ran = dict(machine.host.files), list(machine.host.ran)
    ended = edgeadm(machine, "reset", "-f", "--config", str(file))
    assert (ended.status, f"[{code}]" in ended.err) == (3, True), ended.err
    assert (machine.host.files, machine.host.ran) == (before, ran)


BAD: list[tuple[str, list[str], str, int]] = [
    ("an unknown flag", ["--no-such-flag"], "usage", 1),
    ("a word too many", ["cp1"], "usage", 1),
    ("a misspelt phase to skip", ["-f", "--skip-phases=kubeadmn"], "unknown-phase", 1),
    ("a misspelt phase to run", ["phase", "rulse"], "unknown-phase", 1),
    ("a phase of init's", ["phase", "preflight"], "unknown-phase", 1),
    ("options before a single phase", ["-f", "phase", "rules"], "usage", 1),
    ("options before plan", ["--keep-logs", "plan"], "usage", 1),
    ("an output that does not exist", ["-o", "xml"], "usage", 1),
    ("an option without its value", ["--cert-dir"], "usage", 1),
    ("no yes", [], "unconfirmed", 1),
    ("no yes for a phase", ["phase", "data"], "unconfirmed", 1),
    ("a verbosity that is none", ["-v", "loud"], "usage", 1),
]


@pytest.mark.parametrize(("name", "args", "code", "status"), BAD, ids=[case[0] for case in BAD])
def test_bad_input(name: str, args: list[str], code: str, status: int, machine: Machine) -> None:
    before, ran = dict(machine.host.files), list(machine.host.ran)
    ended = edgeadm(machine, "reset", *args)
    assert (ended.status, f"[{code}]" in ended.err) == (status, True), ended.err
    assert "hint: " in ended.err
    assert (machine.host.files, machine.host.ran) == (before, ran)


def test_who_is_not_root_is_told_so(machine: Machine) -> None:
    ended = edgeadm(machine, "reset", "-f", is_root=False)
    assert (ended.status, "[not-root]" in ended.err) == (1, True)
