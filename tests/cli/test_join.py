"""`edgeadm join` from its command line to its words and exit status, on a machine in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeadm.core.journal import PATH
from edgeadm.hosts import Result
from edgeadm.phases.discover import KUBEADM_CONFIG
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.cli.world import edgeadm, logs
from tests.machine import Machine
from tests.traces import join_writes

SECRET = "0123456789abcdef"
TOKEN = f"abcdef.{SECRET}"
PACKAGE = ("--install-pkg-path", "/mnt/package")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def words(target: str = "10.0.0.11:6443", token: str = TOKEN, pin: str = "") -> tuple[str, ...]:
    pin = pin or discovery_hash(authority()[0])
    return (target, "--token", token, "--discovery-token-ca-cert-hash", pin, *PACKAGE)


@pytest.mark.parametrize("more", [(), ("--enable-edge=false",)])
def test_join_makes_a_node_and_says_so_word_for_word(more: tuple[str, ...], machine: Machine) -> None:
    ended = edgeadm(machine, "join", *words(), *more)
    assert ended.status == 0, ended.err
    assert ended.out == (
        "This node has joined the cluster:\n"
        "* Certificate signing request was sent to apiserver and a response was received.\n"
        "* The Kubelet was informed of the new secure connection details.\n\n"
        "Run 'kubectl get nodes' on the control-plane to see this node join the cluster.\n"
    )
    assert ("/etc/systemd/system/lite-apiserver.service" in machine.host.files) is (not more)


def test_joining_again_says_so_and_changes_nothing(machine: Machine) -> None:
    edgeadm(machine, "join", *words())
    before, ran = dict(machine.host.files), list(machine.host.ran)
    ended = edgeadm(machine, "join", *words())
    assert (ended.status, "already: 0 changes" in ended.err) == (0, True)
    assert (machine.host.files, machine.host.ran) == (before, ran)


def test_a_node_of_another_cluster_is_refused_whatever_is_ignored(machine: Machine) -> None:
    machine.host.files |= join_writes()
    before = dict(machine.host.files)
    pin = "sha256:" + "0" * 64
    ended = edgeadm(machine, "join", *words(pin=pin), "--ignore-preflight-errors=all")
    assert (ended.status, "[other-cluster]" in ended.err, "edgeadm reset" in ended.err) == (2, True, True)
    assert machine.host.files == before


def test_the_token_stays_nowhere(machine: Machine) -> None:
    ended = edgeadm(machine, "join", *words())
    assert SECRET not in ended.out + ended.err + logs(machine) + "".join(machine.host.ran)
    assert [path for path, data in machine.host.files.items() if SECRET.encode() in data] == []


def test_a_failing_kubeadm_leaves_no_token_behind(machine: Machine) -> None:
    machine.host.answers["kubeadm join"] = Result(code=1, err="[preflight] no\n")
    ended = edgeadm(machine, "join", *words())
    assert (ended.status, "kubeadm join failed" in ended.err) == (4, True)
    assert [path for path, data in machine.host.files.items() if SECRET.encode() in data] == []


def test_a_live_node_of_that_name_is_named_and_nothing_changes(machine: Machine) -> None:
    machine.api["/api/v1/nodes/cp1"] = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    before = dict(machine.host.files)
    ended = edgeadm(machine, "join", *words())
    assert (ended.status, "[name-taken]" in ended.err) == (5, True)
    assert machine.host.files == before


def test_a_plain_cluster_takes_no_edge_node(machine: Machine) -> None:
    del machine.api["/api/v1/namespaces/edge-system/configmaps/edge-info"]
    assert "[not-an-edge-cluster]" in edgeadm(machine, "join", *words()).err
    assert edgeadm(machine, "join", *words(), "--enable-edge=false").status == 0


@pytest.mark.parametrize(
    ("cluster", "api", "said"),
    [
        ("v1.34.9", "kubeadm.k8s.io/v1beta4", ""),
        ("v1.37.2", "kubeadm.k8s.io/v1beta4", ""),
        ("v1.37.2", "", ""),
        (
            "v1.38.0",
            "kubeadm.k8s.io/v1beta4",
            "cannot join a cluster with v1.38.0",
        ),
        (
            "v1.33.1",
            "kubeadm.k8s.io/v1beta4",
            "cannot join a cluster with v1.33.1",
        ),
        ("v1.37.2", "kubeadm.k8s.io/v1", "kubeadm v1.34.4 cannot read the configuration of this cluster"),
    ],
)
def test_a_cluster_of_another_version_is_joined_or_refused_before_anything_changes(
    cluster: str, api: str, said: str, machine: Machine
) -> None:
    machine.api["/version"] = {"gitVersion": cluster}
    text = f"apiVersion: {api}\nnetworking: {{serviceSubnet: 10.96.0.0/12}}\n"
    machine.api[KUBEADM_CONFIG] = {"data": {"ClusterConfiguration": text}}
    before = dict(machine.host.files)
    ended = edgeadm(machine, "join", *words())
    assert said in ended.err
    assert ("[unsupported-version]" in ended.err, machine.host.files == before) == (bool(said), bool(said))
    assert (ended.status == 0) is not bool(said)


def test_another_port_for_lite_apiserver(machine: Machine) -> None:
    machine.host.files["/proc/net/tcp"] += b"   1: 0100007F:C73B 00000000:0000 0A 0\n"
    ended = edgeadm(machine, "join", *words())
    assert (ended.status, "--lite-apiserver-port" in ended.err) == (2, True)
    assert edgeadm(machine, "join", *words(), "--lite-apiserver-port", "51004").status == 0
    assert b"--port=51004" in machine.host.files["/etc/systemd/system/lite-apiserver.service"]


HOSTS = "/etc/hosts"
PUBLIC = "203.0.113.7"
THEIRS = b"127.0.0.1 localhost\n# no newline at the end"


@pytest.fixture
def public(machine: Machine) -> Machine:
    """The machine, where the API server has a certificate for a name and not for its address."""
    machine.host.write(HOSTS, THEIRS)
    machine.reached = ("https://kubernetes.default:6443", PUBLIC)
    return machine


def test_an_address_that_the_certificate_lacks_gets_a_name(public: Machine) -> None:
    ended = edgeadm(public, "join", *words(target=f"{PUBLIC}:6443"))
    assert ended.status == 0, ended.err
    assert f"warning: the API server's certificate is not valid for {PUBLIC}" in ended.err
    assert f"\n{PUBLIC} kubernetes.default\n" in public.host.files[HOSTS].decode()
    assert public.host.files[HOSTS].endswith(THEIRS)
    unit = public.host.files["/etc/systemd/system/lite-apiserver.service"].decode()
    assert "--kube-apiserver-url=kubernetes.default " in unit
    again = edgeadm(public, "join", *words(target=f"{PUBLIC}:6443"))
    assert "already: 0 changes" in again.err


def test_the_name_is_in_a_dry_run_and_goes_by_reset(public: Machine) -> None:
    dry = edgeadm(public, "join", *words(), "--dry-run").out
    assert f"would write {HOSTS}" in dry
    edgeadm(public, "join", *words())
    public.host.files[HOSTS] += b"\n10.1.1.1 theirs\n"
    assert edgeadm(public, "reset", "-f").status == 0
    assert public.host.files[HOSTS] == THEIRS + b"\n10.1.1.1 theirs\n"


def test_a_name_that_reset_was_told_to_leave_is_listed(public: Machine) -> None:
    edgeadm(public, "join", *words())
    left = json.loads(edgeadm(public, "reset", "-f", "--skip-phases=files", "-o", "json").out)["residue"]
    assert f"edgeadm's lines in {HOSTS}" in [each["what"] for each in left]


def test_without_the_journal_the_name_goes_all_the_same(public: Machine) -> None:
    edgeadm(public, "join", *words())
    del public.host.files[PATH]
    assert edgeadm(public, "reset", "-f").status == 0
    assert public.host.files[HOSTS] == THEIRS


def test_a_line_of_others_that_says_otherwise_is_not_overruled(public: Machine) -> None:
    public.host.files[HOSTS] = b"10.9.9.9 api Kubernetes.Default # mine\n"
    before = dict(public.host.files)
    ended = edgeadm(public, "join", *words())
    assert (ended.status, "[hosts-conflict]" in ended.err) == (2, True)
    assert public.host.files == before


def test_a_line_of_others_that_says_the_same_is_enough(public: Machine) -> None:
    public.host.files[HOSTS] = f"{PUBLIC} kubernetes.default\n".encode()
    assert edgeadm(public, "join", *words()).status == 0
    assert public.host.files[HOSTS] == f"{PUBLIC} kubernetes.default\n".encode()


FAULTS: list[tuple[str, list[str], str, int]] = [
    ("no target", [*words()[1:]], "invalid-config", 3),
    ("a web address", [*words(target="https://cp1:6443")], "invalid-config", 3),
    ("a target with a port that is none", [*words(target="cp1:99999")], "invalid-config", 3),
    ("a target that is no name", [*words(target="a_b:6443")], "invalid-config", 3),
    ("two targets", [*words(), "10.0.0.12:6443"], "usage", 1),
    ("a token of the wrong form", [*words(token="secret")], "invalid-config", 3),
    ("no token", [words()[0], *words()[3:]], "invalid-config", 3),
    ("no hash", [*words()[:3], *PACKAGE], "invalid-config", 3),
    ("a hash without its algorithm", [*words(pin="0" * 64)], "invalid-config", 3),
    ("a hash that is too short", [*words(pin="sha256:abc")], "invalid-config", 3),
    ("a discovery token of the wrong form", [*words(), "--discovery-token", "x"], "invalid-config", 3),
    ("a bootstrap token of the wrong form", [*words(), "--tls-bootstrap-token", "x"], "invalid-config", 3),
    ("a discovery file that is none", [*words()[1:], "--discovery-file", "/no/file"], "invalid-config", 3),
    ("a certificate key for a worker", [*words(), "--certificate-key", "0" * 64], "invalid-config", 3),
    ("a port out of range", [*words(), "--lite-apiserver-port", "70000"], "invalid-config", 3),
    ("a port of the kubelet", [*words(), "--lite-apiserver-port", "10250"], "invalid-config", 3),
    ("a port that is no number", [*words(), "--lite-apiserver-port", "x"], "usage", 1),
    ("an address that is none", [*words(), "--node-ip", "eth0"], "invalid-config", 3),
    ("an address of somebody else", [*words(), "--node-ip", "10.9.9.9"], "preflight", 2),
    ("a label without a value", [*words(), "--node-labels", "site"], "invalid-config", 3),
    ("a role as a label", [*words(), "--node-labels", "node-role.kubernetes.io/x=y"], "invalid-config", 3),
    ("a taint without an effect", [*words(), "--register-with-taints", "a=b"], "invalid-config", 3),
    ("a node name with capitals", [*words(), "--node-name", "Edge"], "invalid-config", 3),
    (
        "another virtual address",
        [*words(), "--edge-virtual-addr", "169.254.9.9"],
        "invalid-config",
        3,
    ),
    ("a flag of init", [*words(), "--pod-network-cidr", "10.1.0.0/16"], "usage", 1),
    ("a misspelt phase to skip", [*words(), "--skip-phases=kubeadmn"], "unknown-phase", 1),
    ("the placeholder left in place", [*words()[:5], "--install-pkg-path", "<path>"], "invalid-config", 3),
]


@pytest.mark.parametrize(("name", "args", "code", "status"), FAULTS, ids=[case[0] for case in FAULTS])
def test_bad_input(name: str, args: list[str], code: str, status: int, machine: Machine) -> None:
    before = dict(machine.host.files)
    ended = edgeadm(machine, "join", "-o", "json", *args)
    error = json.loads(ended.out)["error"]
    assert (error["code"], ended.status) == (code, status)
    assert error["hint"]
    assert (machine.host.files, machine.host.ran) == (before, [])


def test_phases_and_plan_stand_where_a_target_would(machine: Machine) -> None:
    rows = json.loads(edgeadm(machine, "join", "plan", *words(), "-o", "json").out)["phases"]
    assert [row["phase"] for row in rows][:2] == ["preflight", "discover"]
    assert edgeadm(machine, "join", "phase", "node", *words()).status == 0
    assert "/etc/sysctl.d/90-edgeadm.conf" in machine.host.files


def test_an_interrupted_join_is_finished(machine: Machine) -> None:
    edgeadm(machine, "join", *words(), "--skip-phases=kubeadm")
    journal = b'{"verb": "join", "phase": "kubeadm", "event": "started"}\n'
    machine.host.files[PATH] += journal
    machine.host.files["/etc/kubernetes/bootstrap-kubelet.conf"] = SECRET.encode()
    machine.host.files["/etc/kubernetes/pki/ca.crt"] = b""
    machine.host.files["/proc/net/tcp"] += b"   1: 00000000:280A 00000000:0000 0A 0\n"
    ended = edgeadm(machine, "join", *words())
    assert ended.status == 0, ended.err
    assert "systemctl stop kubelet" in machine.host.ran
    assert [path for path, data in machine.host.files.items() if SECRET.encode() in data] == []


def test_a_kubelet_that_was_let_in_meanwhile_is_kept(machine: Machine) -> None:
    edgeadm(machine, "join", *words(), "--skip-phases=kubeadm")
    machine.host.files[PATH] += b'{"verb": "join", "phase": "kubeadm", "event": "started"}\n'
    machine.host.files |= join_writes() | {"/etc/kubernetes/bootstrap-kubelet.conf": SECRET.encode()}
    machine.api["/api/v1/nodes/cp1"] = {
        "metadata": {"annotations": {"flannel.alpha.coreos.com/backend-data": "{}"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    ended = edgeadm(machine, "join", *words())
    assert ended.status == 0, ended.err
    assert "/etc/kubernetes/bootstrap-kubelet.conf" not in machine.host.files
    assert not any(line.startswith("kubeadm join") for line in machine.host.ran)
