"""The facts of a machine: recorded answers, the script in a temporary root, and hostile answers."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from edgeadm.fleet.errors import BadAnswerError
from edgeadm.fleet.inspect import MAX_BYTES, parse, through_host, through_remote
from edgeadm.fleet.inspect_script import SCRIPT
from edgeadm.hosts.base import Result
from tests.fake_remotes import Call, FakeRemote

RECORDED = Path(__file__).with_name("recorded")
MINIMUM = "begin 1000\nhostname a\narch x86_64\nend 2000\n"
CA = "sha256:162ae1410a07a53358be401550190cbe5656869cccca778d06aa3e3ffb4c1894"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "systemd"), [("debian-11", 247), ("debian-12", 252), ("debian-13", 257)])
def test_a_bare_machine(name: str, systemd: int) -> None:
    facts = parse(recorded(name))
    assert facts.arch == "amd64"
    assert facts.systemd == systemd
    assert facts.os.startswith(f"Debian GNU/Linux {name.partition('-')[2]}")
    assert facts.membership is None
    assert (facts.remains, facts.stored, facts.running) == ((), frozenset(), "")
    assert facts.cpus == 2
    assert facts.memory_mib > 1000
    assert facts.free_mib["/var/lib"] > 1000
    assert facts.reaches == {"10.77.0.11:6443": True, "10.77.0.11:1": False}
    assert list(facts.addresses) == list(facts.macs) == ["eth0"]
    assert len(facts.machine_id) == 32


def test_an_edge_node() -> None:
    facts = parse(recorded("edge"))
    member = facts.membership
    assert member is not None
    assert (member.node, member.role, member.ca) == ("edge1", "edge", CA)
    assert (member.active, member.complete, member.by_edgeadm) == (True, True, True)
    assert member.server == "https://169.254.20.11:51003"
    assert facts.record["labels"] == {"site": "a"}
    assert facts.applied == facts.record["hash"]
    assert len(facts.stored) == 3
    # The addresses and interfaces that each node has are left out.
    assert facts.addresses == {"eth0": ("10.77.0.101",)}
    assert facts.networks == {"eth0": ("10.77.0.101/24",)}


def test_a_control_plane() -> None:
    facts = parse(recorded("control-plane"))
    assert facts.membership is not None
    assert (facts.membership.node, facts.membership.role) == ("cp1", "control-plane")
    assert facts.membership.ca == CA
    assert facts.applied == ""
    assert "/var/lib/etcd" in facts.remains


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Welcome!\n",
        MINIMUM.replace("end 2000\n", ""),
        MINIMUM.replace("hostname a", "hostname $(reboot)"),
        MINIMUM.replace("arch x86_64", "arch ../x"),
        MINIMUM + "os \x1b]0;x\x07\n",
        MINIMUM + "os \N{REPLACEMENT CHARACTER}\n",
        MINIMUM + "os \u202ereversed\n",
        MINIMUM + "x" * MAX_BYTES,
        MINIMUM + "a b\n" * 30_000,
    ],
)
def test_another_answer_is_refused(text: str) -> None:
    with pytest.raises(BadAnswerError):
        parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "cpus many",
        "cpus " + "9" * 4000,
        "memory",
        "memory x",
        "free x",
        "device x",
        "device  /opt",
        "mac eth0",
        "mac eth0 nothing",
        "address eth0",
        "address eth0 999.1.1.1/99",
        "reaches",
        "kubelet-server https://x\nkubelet-ca !!!\nclient !!!",
        "kubelet-server https://x\nkubelet-ca bm8gY2VydGlmaWNhdGU=",
        "applied bnVsbA==",
        "applied W10=",
        "journal e30=",
        "journal " + base64.b64encode(b"[" * 50_000).decode(),
        "stored ../../etc/passwd",
        "running sshd.service",
        "running edgeadm-fleet-join-x;reboot.service",
        "unknown key",
    ],
)
def test_odd_values_are_left_out(line: str) -> None:
    facts = parse(f"{MINIMUM}{line}\n")
    assert (facts.cpus, facts.memory_mib, facts.macs, facts.reaches) == (0, 0, {}, {})
    assert (facts.stored, facts.running, facts.applied, facts.interrupted) == (frozenset(), "", "", "")


def test_the_difference_of_the_clocks_excludes_the_round_trip() -> None:
    # Sent at 100, started at 161, ended at 162, received at 103: the machine is 60 s ahead.
    text = MINIMUM.replace("1000", "161000").replace("2000", "162000")
    assert parse(text, 100.0, 103.0).clock == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("event", "verb", "wanted"),
    [
        ("complete", "join", ""),
        ("done", "join", "join"),
        ("failed", "drill", ""),
        ("started", "reset", "reset"),
    ],
)
def test_an_interrupted_run_is_known_from_the_journal(event: str, verb: str, wanted: str) -> None:
    record = base64.b64encode(f'{{"verb": "{verb}", "event": "{event}"}}'.encode()).decode()
    assert parse(f"{MINIMUM}journal {record}\n").interrupted == wanted


def test_the_script_runs_in_a_shell_or_through_a_host() -> None:
    def answer(call: Call) -> Result:
        assert call.args == ("", "192.0.2.1:6443")
        return Result(out=MINIMUM)

    assert through_remote(FakeRemote({"say begin": answer}), "192.0.2.1:6443").hostname == "a"


def test_a_machine_that_does_not_finish_is_refused() -> None:
    with pytest.raises(BadAnswerError, match="no answer within"):
        through_remote(FakeRemote({"say begin": Result(code=124)}))


class Shell:
    """A host that runs the script with one shell in a temporary root."""

    def __init__(self, shell: str, root: Path) -> None:
        self.shell, self.root = shell, root

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        assert argv[:4] == ("sh", "-c", SCRIPT, "edgeadm")
        done = subprocess.run(
            [self.shell, "-c", SCRIPT, "edgeadm", str(self.root), *argv[5:]],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=True,
        )
        assert done.stderr == b""
        return Result(out=done.stdout.decode())


def put(root: Path, path: str, text: str, mode: int = 0o600) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)


@pytest.mark.runs_programs
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_script_in_an_empty_root(shell: str, tmp_path: Path) -> None:
    facts = through_host(Shell(shell, tmp_path))  # type: ignore[arg-type]
    assert facts.membership is None
    assert (facts.remains, facts.stored, facts.macs) == ((), frozenset(), {})
    assert facts.devices["/"] == tmp_path.stat().st_dev
    assert abs(facts.clock) < 5


@pytest.mark.runs_programs
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_script_finds_remains_of_other_clusters(shell: str, tmp_path: Path) -> None:
    put(tmp_path, "etc/rancher/k3s/k3s.yaml", "x")
    put(tmp_path, "var/lib/rancher/k3s/server/token", "hidden")
    (tmp_path / "var/lib/etcd").mkdir(parents=True)
    facts = through_host(Shell(shell, tmp_path))  # type: ignore[arg-type]
    assert facts.remains == ("/etc/rancher", "/var/lib/rancher")


@pytest.mark.runs_programs
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_script_reads_the_state_of_a_fleet(shell: str, tmp_path: Path) -> None:
    state = "var/lib/edgeadm-fleet"
    whole, part, file, tree = (letter * 64 for letter in "abcd")
    put(tmp_path, f"{state}/incoming/{whole}.3", "123")
    put(tmp_path, f"{state}/incoming/{part}.4", "123")
    put(tmp_path, f"{state}/files/{file}", "x")
    put(tmp_path, f"{state}/files/{tree}.part", "x")
    put(tmp_path, f"opt/edgeadm/{tree[:20]}/edgeadm", "#!/bin/sh", 0o755)
    put(tmp_path, "opt/edgeadm/edgeadm", "#!/bin/sh", 0o755)
    put(tmp_path, f"{state}/applied.json", '{"hash": "h", "role": "edge"}')
    facts = through_host(Shell(shell, tmp_path))  # type: ignore[arg-type]
    assert facts.stored == {f"{whole}.3", file, f"executable:{tree[:20]}"}
    assert (facts.applied, facts.record["role"]) == ("h", "edge")


@pytest.mark.runs_programs
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_no_private_key_leaves_the_machine(shell: str, tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\npublic\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN EC PRIVATE KEY-----\ncanary\n-----END EC PRIVATE KEY-----\n"
    put(tmp_path, "var/lib/kubelet/pki/kubelet-client-current.pem", pem + key)
    put(tmp_path, "etc/kubernetes/admin.conf", "    server: https://x:6443\n    client-key-data: canary\n")
    out = Shell(shell, tmp_path).ask("sh", "-c", SCRIPT, "edgeadm", "").out
    client = next(line for line in out.splitlines() if line.startswith("client "))
    assert base64.b64decode(client.partition(" ")[2]).decode() == pem
    assert "canary" not in out
    assert "admin-server https://x:6443\n" in out
