"""`edgeadm init` from its command line to its words and exit status, on a machine in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from edgeadm.apps.affinity import is_kept_off, terms_of
from edgeadm.core.journal import PATH
from edgeadm.hosts import Result
from tests.certificates import authority
from tests.cli.world import edgeadm, logs
from tests.machine import Machine

FLAGS = ("--install-pkg-path", "/mnt/package", "--pod-network-cidr", "192.168.0.0/16")
KUBEADM_CONFIG = "/etc/edgeadm/kubeadm.yaml"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_init_makes_a_control_plane_and_says_how_to_join(machine: Machine) -> None:
    ended = edgeadm(machine, "init", *FLAGS)
    assert ended.status == 0, ended.err
    assert "Your Kubernetes control-plane has initialized successfully!" in ended.out
    assert "edgeadm join 10.0.0.11:6443 --token " in ended.out
    from edgeadm.pki import discovery_hash

    assert discovery_hash(authority()[0]) in ended.out
    assert "[kubeadm]" in ended.err


def test_a_second_run_says_so_and_changes_nothing(machine: Machine) -> None:
    edgeadm(machine, "init", *FLAGS)
    before, ran = dict(machine.host.files), list(machine.host.ran)
    ended = edgeadm(machine, "init", *FLAGS)
    assert ended.status == 0
    assert "this node is a control plane already: 0 changes" in ended.err
    assert (machine.host.files, machine.host.ran) == (before, ran)


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(machine: Machine) -> None:
    before = dict(machine.host.files)
    ended = edgeadm(machine, "init", "--dry-run", *FLAGS)
    assert ended.status == 0, ended.err
    assert "  would write /usr/bin/kubelet (" in ended.out
    assert "  would run kubeadm init --config /etc/edgeadm/kubeadm.yaml" in ended.out
    assert "  would apply DaemonSet/kube-flannel-ds" in ended.out
    assert machine.host.files == before
    assert machine.host.ran == []
    assert logs(machine) == ""


def test_a_dry_run_as_json_is_one_document(machine: Machine) -> None:
    ended = edgeadm(machine, "init", "--dry-run", "-o", "json", *FLAGS)
    document = json.loads(ended.out)
    assert document["dryRun"] is True
    assert any(change.startswith("run kubeadm init") for change in document["changes"])


def test_plan_tells_what_is_needed_and_why(machine: Machine) -> None:
    before = dict(machine.host.files)
    rows = json.loads(edgeadm(machine, "init", "plan", "-o", "json", *FLAGS).out)["phases"]
    assert [row["phase"] for row in rows][:2] == ["preflight", "package"]
    assert all(row["reason"] for row in rows)
    assert next(row for row in rows if row["phase"] == "kubeadm")["needed"] is True
    assert machine.host.files == before
    edgeadm(machine, "init", *FLAGS)
    rows = json.loads(edgeadm(machine, "init", "plan", "-o", "json", *FLAGS).out)["phases"]
    assert not any(row["needed"] for row in rows)
    assert "kubeadm " in edgeadm(machine, "init", "plan", *FLAGS).out


def test_preflight_names_everything_at_once_in_kubeadms_words(machine: Machine) -> None:
    machine.host.answers["nproc"] = Result(out="1\n")
    machine.host.files["/proc/meminfo"] = b"MemTotal: 500000 kB\n"
    ended = edgeadm(machine, "init", *FLAGS)
    assert ended.status == 2
    assert "[preflight] Some fatal errors occurred:\n\t[ERROR NumCPU]: " in ended.err
    assert "\t[ERROR Mem]: " in ended.err
    assert "--ignore-preflight-errors=NumCPU,Mem" in ended.err
    assert machine.host.ran == []
    ignored = edgeadm(machine, "init", "--ignore-preflight-errors=NumCPU,Mem", *FLAGS)
    assert ignored.status == 0
    assert "\t[WARNING NumCPU]: " in ignored.err


def test_findings_of_preflight_are_data_for_programs(machine: Machine) -> None:
    machine.host.answers["id -u"] = Result(out="1000\n")
    error = json.loads(edgeadm(machine, "init", "-o", "json", *FLAGS).out)["error"]
    assert (error["code"], error["exitCode"]) == ("preflight", 2)
    assert error["findings"] == [
        {
            "name": "IsPrivilegedUser",
            "message": "user is not running as root",
            "code": "IsPrivilegedUser",
            "group": "host",
            "statement": "edgeadm runs as root",
            "result": "failed",
            "found": "user is not running as root",
            "hint": "run it with sudo",
        }
    ]
    plan = json.loads(edgeadm(machine, "init", "plan", "-o", "json", *FLAGS).out)
    assert plan["errors"] == error["findings"]
    waived = ("--ignore-preflight-errors=all", *FLAGS)
    plan = json.loads(edgeadm(machine, "init", "plan", "-o", "json", *waived).out)
    assert plan["errors"] == []
    assert plan["warnings"] == [error["findings"][0] | {"result": "warning"}]


def test_json_tells_phases_and_join_data_but_no_secret(machine: Machine) -> None:
    ended = edgeadm(machine, "init", "-o", "json", "--token", "abcdef.0123456789abcdef", *FLAGS)
    document = json.loads(ended.out)
    assert document["endpoint"] == "10.0.0.11:6443"
    assert document["caCertHash"].startswith("sha256:")
    assert document["changed"] == len([p for p in document["phases"] if p["result"] == "done"]) > 5
    assert "0123456789abcdef" not in ended.out + ended.err


def test_secrets_stay_out_of_journal_and_log(machine: Machine) -> None:
    key = "5" * 64
    flags = ("--token", "abcdef.0123456789abcdef", "--certificate-key", key, "--upload-certs")
    ended = edgeadm(machine, "init", *flags, *FLAGS)
    assert ended.status == 0, ended.err
    for text in (machine.host.files[PATH].decode(), logs(machine), ended.err, *machine.host.ran):
        assert "0123456789abcdef" not in text
        assert key not in text
    assert machine.host.modes[KUBEADM_CONFIG] == 0o600


def test_the_token_can_be_withheld(machine: Machine) -> None:
    ended = edgeadm(machine, "init", "--skip-token-print", *FLAGS)
    assert "--token <value withheld>" in ended.out


def test_kubeadms_phases_are_skipped_by_kubeadm_and_ours_by_us(machine: Machine) -> None:
    ended = edgeadm(machine, "init", "--skip-phases=addon/kube-proxy,cni", *FLAGS)
    assert ended.status == 0, ended.err
    assert any("--skip-phases=addon/kube-proxy" in line for line in machine.host.ran)
    assert "/etc/cni/net.d/10-flannel.conflist" not in machine.host.files


def test_one_phase_of_ours_alone(machine: Machine) -> None:
    assert edgeadm(machine, "init", "phase", "node", *FLAGS).status == 0
    assert "/etc/sysctl.d/90-edgeadm.conf" in machine.host.files
    assert "/usr/bin/kubeadm" not in machine.host.files


def test_a_phase_of_kubeadm_is_passed_to_kubeadm(machine: Machine) -> None:
    edgeadm(machine, "init", *FLAGS)
    machine.host.answers["kubeadm init phase"] = Result(out="[upload-certs] Storing the certificates\n")
    ended = edgeadm(machine, "init", "phase", "upload-certs", "--upload-certs")
    assert ended.out == "[upload-certs] Storing the certificates\n"
    assert machine.host.ran[-1] == f"kubeadm init phase upload-certs --upload-certs --config {KUBEADM_CONFIG}"


def test_flag_over_variable_over_file_over_default(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "edge.yaml"
    head = "apiVersion: edgeadm.io/v1alpha1\nkind: EdgeConfiguration\n"
    file.write_text(head + "nodeName: from-file\nserviceDnsDomain: from.file\nserviceCidr: 10.70.0.0/16\n")
    monkeypatch.setenv("EDGEADM_NODE_NAME", "from-variable")
    monkeypatch.setenv("EDGEADM_SERVICE_DNS_DOMAIN", "from.variable")
    printed = edgeadm(machine, "config", "print", "--config", str(file), "--node-name", "from-flag").out
    document = yaml.safe_load(printed)
    assert document["nodeName"] == "from-flag"
    assert document["serviceDnsDomain"] == "from.variable"
    assert document["serviceCidr"] == "10.70.0.0/16"
    assert document["edgeVirtualAddr"] == "169.254.20.11"
    file.write_text(printed)
    assert edgeadm(machine, "config", "validate", "--config", str(file)).out == "ok\n"


def test_a_failing_kubeadm_shows_its_words_the_log_and_the_way_on(machine: Machine) -> None:
    machine.host.answers["kubeadm init"] = Result(code=1, err="[wait] the API server did not come up\n")
    ended = edgeadm(machine, "init", *FLAGS)
    assert ended.status == 4
    assert "error: kubeadm init failed [phase-failed]" in ended.err
    assert "  [wait] the API server did not come up" in ended.err
    assert "run the same command again" in ended.err
    assert "log: " in ended.err
    assert "kubeadm init" in logs(machine)


def test_the_machines_own_containerd_is_left_alone(machine: Machine) -> None:
    theirs = b"version = 3\n"
    machine.host.write("/usr/bin/containerd", b"theirs", 0o755)
    machine.host.write("/etc/containerd/config.toml", theirs)
    machine.units["containerd"] = {"active", "enabled"}
    ended = edgeadm(machine, "init", *FLAGS)
    assert ended.status == 0, ended.err
    assert machine.host.files["/usr/bin/containerd"] == b"theirs"
    assert machine.host.files["/etc/containerd/config.toml"] == theirs


def test_help_lists_the_phases_and_manifests_writes_templates(machine: Machine, tmp_path: Path) -> None:
    assert "write kubeadm's configuration" in edgeadm(machine, "init", "--help").out
    written = edgeadm(machine, "manifests", "-o", str(tmp_path / "m"))
    assert (tmp_path / "m/cni/flannel.yaml.j2").is_file()
    assert written.status == 0
    assert edgeadm(machine, "manifests", "-o", str(tmp_path / "m")).status == 1


def test_a_users_manifest_replaces_the_template_under_the_name_users_know(
    machine: Machine, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "kube-flannel.yaml").write_text(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-flannel}\n---\n"
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: kube-flannel-ds, namespace: kube-flannel}\n"
        "spec:\n  mine: '{{ pod_cidr_v4 }}'\n"
        "  template: {spec: {containers: [{name: kube-flannel, image: 'example.org/own:v1'}]}}\n"
    )
    ended = edgeadm(machine, "init", "--manifests-dir", str(folder), *FLAGS)
    assert ended.status == 0, ended.err
    applied = machine.cluster.objects[("apps/v1", "DaemonSet", "kube-flannel", "kube-flannel-ds")]
    assert applied["spec"]["mine"] == "192.168.0.0/16"
    # Edge nodes get one of their own, of the same image.
    at_edge = machine.cluster.objects[("apps/v1", "DaemonSet", "kube-flannel", "edge-flannel")]
    assert at_edge["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/own:v1"
    (term,) = terms_of(applied)
    assert is_kept_off(term)
    assert applied["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "edgeadm"
