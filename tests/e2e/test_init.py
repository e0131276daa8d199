"""`edgeadm init` on bare hosts, from edgeadm's own package, without fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from edgeadm.sandbox import Node, Sandbox
from tests.e2e.cluster import ADMIN
from tests.e2e.killing import JOURNAL, kill_at, lock_holder, ran, records, start, wrote
from tests.e2e.snapshot import changed, snapshot
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
NETWORK = ("--pod-network-cidr", "192.168.0.0/16")


@dataclass(frozen=True)
class Machine:
    """A node, and calls of edgeadm on it."""

    node: Node
    package: str

    def init(self, *args: str, check: bool = True) -> Result:
        return self.node.exec(self.command(*args), check=check)

    def command(self, *args: str) -> list[str]:
        return ["edgeadm", "init", *args, "--install-pkg-path", self.package, *NETWORK]

    def kubectl(self, *args: str) -> str:
        return self.node.exec([*ADMIN, *args]).out

    def exists(self, path: str) -> bool:
        return (self.node.root / path.lstrip("/")).exists()

    def ca(self) -> bytes:
        return (self.node.root / "etc/kubernetes/pki/ca.crt").read_bytes()


@pytest.fixture(scope="module")
def sandbox(make_sandbox: Callable[..., Sandbox], package: Path) -> Sandbox:
    return make_sandbox(control_planes=3, package=package)


@pytest.fixture(scope="module")
def machines(sandbox: Sandbox) -> list[Machine]:
    packages = sandbox.node("cp1").exec(["sh", "-c", "ls /mnt/package/*.tar.zst"]).out.split()
    assert len(packages) == 1
    return [Machine(node, packages[0]) for node in sandbox.nodes]


@pytest.fixture(scope="module")
def finished(machines: list[Machine]) -> Machine:
    """cp1 after one `edgeadm init`."""
    machine = machines[0]
    ended = machine.init()
    assert "Your Kubernetes control-plane has initialized successfully!" in ended.out
    assert f"edgeadm join {machine.node.ip}:6443 --token " in ended.out
    return machine


def test_plan_and_dry_run_leave_the_host_as_it_is(machines: list[Machine]) -> None:
    bare = machines[2]
    before = snapshot(bare.node)
    plan = json.loads(bare.init("plan", "-o", "json").out)
    idle = {"recover", "virtual-ip/keepalived", "virtual-ip/kube-vip", "kube-vip-admin"}
    assert {phase["phase"] for phase in plan["phases"] if not phase["needed"]} == idle
    dry = bare.init("--dry-run")
    assert "would run kubeadm init" in dry.out
    assert changed(before, bare.node) == []


def test_the_node_is_ready_and_its_pods_run(finished: Machine) -> None:
    assert finished.kubectl("get", "--raw", "/readyz") == "ok"
    nodes = json.loads(finished.kubectl("get", "nodes", "-o", "json"))["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["cp1"]
    conditions = {each["type"]: each["status"] for each in nodes[0]["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    finished.kubectl(
        "-n", "kube-system", "wait", "--for=condition=Available", "--timeout=480s", "deploy/coredns"
    )
    rolled = finished.kubectl(
        "-n", "kube-flannel", "rollout", "status", "--timeout=480s", "ds/kube-flannel-ds"
    )
    assert "successfully rolled out" in rolled


def test_images_are_pinned_so_that_the_kubelet_never_collects_them(finished: Machine) -> None:
    lines = finished.node.exec(["ctr", "-n", "k8s.io", "images", "ls"]).out.splitlines()[1:]
    named = [line for line in lines if not line.startswith("sha256:")]
    assert len(named) >= 8
    assert [line.split()[0] for line in named if "io.cri-containerd.pinned=pinned" not in line] == []


def test_a_second_run_says_so_and_changes_nothing(finished: Machine) -> None:
    before = len(records(finished.node))
    again = finished.init()
    assert "this node is a control plane already: 0 changes" in again.err
    assert len(records(finished.node)) == before
    plan = json.loads(finished.init("plan", "-o", "json").out)
    assert [phase["phase"] for phase in plan["phases"] if phase["needed"]] == []


def test_kubeadms_own_phases_work_through_edgeadm(finished: Machine) -> None:
    ended = finished.node.exec(["edgeadm", "init", "phase", "upload-certs", "--upload-certs"])
    assert "[upload-certs] Storing the certificates in Secret" in ended.out
    finished.kubectl("-n", "kube-system", "get", "secret", "kubeadm-certs")


def test_every_flag_of_this_kubeadm_is_a_flag_of_edgeadm(finished: Machine) -> None:
    def flags(text: str) -> set[str]:
        words = (line.split() for line in text.splitlines() if line.strip().startswith("-"))
        return {
            word.rstrip(",").partition("=")[0] for line in words for word in line[:2] if word.startswith("--")
        }

    of_kubeadm = flags(finished.node.exec(["kubeadm", "init", "--help"]).out)
    general = {
        "--help",
        "--rootfs",
        "--add-dir-header",
        "--log-file",
        "--log-file-max-size",
        "--one-output",
        "--skip-headers",
        "--skip-log-headers",
        "--vmodule",
    }
    assert of_kubeadm - general <= flags(finished.node.exec(["edgeadm", "init", "--help"]).out)


def test_the_token_is_in_no_journal_and_no_log(finished: Machine) -> None:
    text = (finished.node.root / "etc/edgeadm/kubeadm.yaml").read_text()
    token = text.partition("token: ")[2].split()[0].partition(".")[2]
    assert len(token) == 16
    logs = [(finished.node.root / JOURNAL), *(finished.node.root / "var/log/edgeadm").iterdir()]
    for file in logs:
        assert token not in file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_second_run_at_the_same_time_is_refused(machines: list[Machine]) -> None:
    machine = machines[1]
    first = start(machine.node, machine.command("--skip-phases=kubeadm,cni"))
    try:
        until(lambda: bool(lock_holder(machine.node)), "the first run holds the lock")
        second = machine.init("-o", "json", check=False)
    finally:
        first.communicate(timeout=600)
    assert second.code == 8
    error = json.loads(second.out)["error"]
    assert error["code"] == "locked"
    assert "pid " in error["context"]
    assert "edgeadm init" in error["context"]


def test_without_a_package_it_uses_what_the_machine_has(machines: list[Machine]) -> None:
    """cp2 has programs, containerd and images from the previous test, like a host with internet access."""
    machine = machines[1]
    ended = machine.node.exec(["edgeadm", "init", "--enable-edge=false", *NETWORK])
    assert "[package] nothing to do: no package was given" in ended.err
    assert "--enable-edge=false" in ended.out
    assert machine.kubectl("get", "--raw", "/readyz") == "ok"
    machine.kubectl("wait", "--for=condition=Ready", "--timeout=480s", "node/cp2")


def test_a_damaged_package_is_refused_and_the_host_untouched(machines: list[Machine]) -> None:
    bare = machines[2]
    bare.node.exec(["sh", "-c", f"head -c 100000000 {bare.package} > /root/short.tar.zst"])
    before = snapshot(bare.node)
    ended = bare.node.exec(
        ["edgeadm", "init", "--install-pkg-path", "/root/short.tar.zst", *NETWORK], check=False
    )
    assert ended.code == 6
    assert "truncated" in ended.err
    assert changed(before, bare.node) == []
    bare.node.exec(["rm", "/root/short.tar.zst"])


# The points at which edgeadm is killed, each time in the run that resumes the previous one.
KILLS: dict[str, Callable[[Machine], bool]] = {
    "while it installs programs": lambda m: wrote(m.node, "/usr/bin/kubelet"),
    "while it imports images": lambda m: ran(m.node, "images import") > 2,
    "when kubeadm has made certificates": lambda m: m.exists("/etc/kubernetes/pki/apiserver-etcd-client.key"),
    "when kubeadm waits for the control plane": lambda m: m.exists("/etc/kubernetes/manifests/etcd.yaml"),
    "while it sets up the pod network": lambda m: wrote(m.node, "/etc/cni/net.d/10-flannel.conflist"),
}


def test_killed_again_and_again_it_gets_there_with_the_same_ca(machines: list[Machine]) -> None:
    machine = machines[2]
    authority = b""
    for where, reached in KILLS.items():
        kill_at(machine.node, machine.command(), where, lambda now=reached: now(machine))
        if machine.exists("/etc/kubernetes/pki/ca.crt"):
            assert authority in (b"", machine.ca()), f"another CA after it was killed {where}"
            authority = machine.ca()
    assert authority
    ended = machine.init()
    assert "Your Kubernetes control-plane has initialized successfully!" in ended.out
    assert machine.ca() == authority
    assert machine.kubectl("get", "--raw", "/readyz") == "ok"
    machine.kubectl("wait", "--for=condition=Ready", "--timeout=480s", "node/cp3")


def test_nothing_was_forwarded_out_of_the_sandbox(sandbox: Sandbox, finished: Machine) -> None:
    assert sandbox.forwarded_packets() == 0
