"""Bad input of every kind: one clear error with a code and a hint, its exit status, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from tests.cli.world import edgeadm, logs
from tests.machine import Machine

PACKAGE = ("--install-pkg-path", "/mnt/package")
HEAD = "apiVersion: edgeadm.io/v1alpha1\nkind: EdgeConfiguration\n"

FLAGS: list[tuple[str, list[str], str, int]] = [
    ("an unknown flag", ["--no-such-flag"], "usage", 1),
    ("a flag without its value", ["--pod-network-cidr"], "usage", 1),
    ("a word too many", ["cp1"], "usage", 1),
    ("a misspelt phase to skip", ["--skip-phases=kubeadmn"], "unknown-phase", 1),
    ("a misspelt phase to run", ["phase", "nod"], "unknown-phase", 1),
    ("options before a single phase", ["--cni", "none", "phase", "node"], "usage", 1),
    ("an output that does not exist", ["-o", "xml"], "usage", 1),
    ("a port that is no number", ["--apiserver-bind-port", "https"], "usage", 1),
    ("a port out of range", ["--apiserver-bind-port", "70000"], "invalid-config", 3),
    ("a pod range that is none", ["--pod-network-cidr", "192.168.0.0"], "invalid-config", 3),
    ("a pod range with a typing error", ["--pod-network-cidr", "192.168.0.0/33"], "invalid-config", 3),
    ("pod and Service ranges that overlap", ["--pod-network-cidr", "10.96.0.0/16"], "invalid-config", 3),
    ("a Service range larger than allowed", ["--service-cidr", "10.0.0.0/8"], "invalid-config", 3),
    ("a token of the wrong form", ["--token", "secret"], "invalid-config", 3),
    ("a token's life that is no duration", ["--token-ttl", "a day"], "invalid-config", 3),
    ("a certificate key that is too short", ["--certificate-key", "abc"], "invalid-config", 3),
    ("an address to advertise that is none", ["--apiserver-advertise-address", "cp1"], "invalid-config", 3),
    ("advertising loopback", ["--apiserver-advertise-address", "127.0.0.1"], "invalid-config", 3),
    ("a name no certificate can have", ["--apiserver-cert-extra-sans", "a_b"], "invalid-config", 3),
    ("an endpoint with a port that is none", ["--control-plane-endpoint", "vip:99999"], "invalid-config", 3),
    ("a node name with capitals", ["--node-name", "Master"], "invalid-config", 3),
    ("a version that is none", ["--kubernetes-version", "latest"], "invalid-config", 3),
    ("a runtime that is gone", ["--runtime", "docker"], "invalid-config", 3),
    ("a pod network nobody knows", ["--cni", "calico"], "invalid-config", 3),
    ("a folder of manifests that is none", ["--manifests-dir", "/no/such/folder"], "invalid-config", 3),
    ("a folder of patches that is none", ["--patches", "/no/such/folder"], "invalid-config", 3),
    ("a virtual address that is none", ["--edge-virtual-addr", "edge"], "invalid-config", 3),
    ("a virtual address inside the pods'", ["--pod-network-cidr", "169.254.0.0/16"], "invalid-config", 3),
    ("a virtual IP without an endpoint", ["--default-ha", "kube-vip"], "invalid-config", 3),
    ("an edge version that is none", ["--edge-version", "newest"], "invalid-config", 3),
    ("the placeholder left in place", ["--install-pkg-path", "<Path of package>"], "invalid-config", 3),
    ("a socket that is no path", ["--cri-socket", "containerd"], "invalid-config", 3),
    ("gates of the wrong form", ["--feature-gates", "PublicKeysECDSA"], "invalid-config", 3),
    ("a domain that is none", ["--service-dns-domain", "cluster_local"], "invalid-config", 3),
    ("a switch that is neither", ["--enable-edge=perhaps"], "usage", 1),
    ("a configuration that does not exist", ["--config", "/no/such/file"], "config-unreadable", 3),
]

FILES: list[tuple[str, str, str, int]] = [
    ("broken YAML", "a: [", "config-syntax", 3),
    ("an empty file", "", "config-syntax", 3),
    ("a misspelt key", HEAD + "podNetworkCird: 10.1.0.0/16\n", "config-unknown-key", 3),
    ("a value of the wrong type", HEAD + "enableEdge: 7\n", "invalid-config", 3),
    ("a value that cannot be", HEAD + "podNetworkCidr: tiny\n", "invalid-config", 3),
    ("a document of somebody else", "apiVersion: v1\nkind: Pod\n", "config-unknown-kind", 3),
    (
        "kubeadm documents of two versions",
        (
            "apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\n---\n"
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        ),
        "invalid-config",
        3,
    ),
    (
        "a kubeadm document that is too old",
        "apiVersion: kubeadm.k8s.io/v1beta2\nkind: InitConfiguration\n",
        "invalid-config",
        3,
    ),
]


def busy(machine: Machine) -> None:
    machine.host.files["/proc/net/tcp"] += b"   1: 00000000:192B 00000000:0000 0A 0\n"


def swapping(machine: Machine) -> None:
    machine.host.files["/proc/swaps"] += b"/dev/sda2 partition 1 0 -2\n"


def elsewhere(machine: Machine) -> None:
    machine.host.files["/etc/kubernetes/kubelet.conf"] = b""


def etcd_data(machine: Machine) -> None:
    machine.host.files["/var/lib/etcd/member/x"] = b""


def manifests(machine: Machine) -> None:
    machine.host.files["/etc/kubernetes/manifests/etcd.yaml"] = b""


def answer(command: str, result: Result) -> Callable[[Machine], None]:
    def set_up(machine: Machine) -> None:
        machine.host.answers[command] = result

    return set_up


def without(*paths: str) -> Callable[[Machine], None]:
    def set_up(machine: Machine) -> None:
        for path in paths:
            del machine.host.files[path]

    return set_up


def no_package(machine: Machine) -> None:
    machine.package = None


HOSTS: list[tuple[str, Callable[[Machine], None], str]] = [
    ("not root", answer("id -u", Result(out="1000\n")), "IsPrivilegedUser"),
    ("one processor", answer("nproc", Result(out="1\n")), "NumCPU"),
    ("too little memory", lambda m: m.host.files.update({"/proc/meminfo": b"MemTotal: 9 kB\n"}), "Mem"),
    ("swap in use", swapping, "Swap"),
    ("a port in use", busy, "Port-6443"),
    ("a node of another cluster", elsewhere, "FileAvailable--etc-kubernetes-kubelet.conf"),
    ("another cluster's data", etcd_data, "DirAvailable--var-lib-etcd"),
    ("another cluster's manifests", manifests, "FileAvailable--etc-kubernetes-manifests-etcd.yaml"),
    ("a name no node can have", answer("hostname", Result(out="my_host\n")), "Hostname"),
    ("a name every machine has", answer("hostname", Result(out="localhost\n")), "Hostname"),
    ("a clock that was never set", answer("date +%s", Result(out="5\n")), "Clock"),
    ("no systemd", without("/run/systemd/system/x"), "Systemd"),
    ("another architecture", answer("uname -m", Result(out="aarch64\n")), "PackageArch"),
    ("a full disk", answer("df -Pk", Result(out="H\n/dev/vda 1 1 0 100% /\n")), "DiskSpace"),
    ("no default route", answer("ip -o route get", Result(code=2)), "DefaultRoute"),
    (
        "an address inside the pods' range",
        answer("ip -o addr show", Result(out="2: eth0    inet 192.168.3.4/24 scope global\n")),
        "NetworkOverlap",
    ),
    (
        "the virtual address in use",
        answer("ip -o addr show", Result(out="3: dummy0    inet 169.254.20.11/32 scope global\n")),
        "EdgeVirtualAddr",
    ),
    ("no package and no kubeadm", no_package, "FileExisting-kubeadm"),
    ("no package and no containerd", no_package, "ContainerRuntime"),
]


def refused(machine: Machine, before: dict[str, bytes], *args: str) -> dict[str, object]:
    ended = edgeadm(machine, "init", "-o", "json", *args)
    assert machine.host.files == before, "a file was changed"
    assert machine.host.ran == [], "a command was run"
    assert logs(machine) == ""
    error: dict[str, object] = json.loads(ended.out)["error"]
    assert error["hint"]
    assert str(error["code"]) in ended.err
    assert ended.status == error["exitCode"]
    return error


@pytest.mark.parametrize(("name", "args", "code", "status"), FLAGS, ids=[case[0] for case in FLAGS])
def test_flags(name: str, args: list[str], code: str, status: int, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    package = () if "--install-pkg-path" in args else PACKAGE
    words = [*args, "-o", "json", *package] if args[0] == "phase" else args
    before = dict(machine.host.files)
    if code == "usage" and name in ("a flag without its value", "an output that does not exist"):
        ended = edgeadm(machine, "init", *args)
        assert (ended.status, "[usage]" in ended.err, machine.host.files) == (1, True, before)
        return
    if args[0] == "phase":
        ended = edgeadm(machine, "init", *words)
        assert (ended.status, machine.host.files) == (status, before)
        assert f"[{code}]" in ended.err
        assert "hint: " in ended.err
        return
    error = refused(machine, before, *package, *words) if "phase" not in words else None
    if error is None:
        ended = edgeadm(machine, "init", *words)
        assert (ended.status, machine.host.files) == (status, before)
        assert f"[{code}]" in ended.err
        return
    assert (error["code"], error["exitCode"]) == (code, status)


@pytest.mark.parametrize(("name", "text", "code", "status"), FILES, ids=[case[0] for case in FILES])
def test_configuration_files(name: str, text: str, code: str, status: int, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    file = tmp_path / "edge.yaml"
    file.write_text(text)
    error = refused(machine, dict(machine.host.files), "--config", str(file), *PACKAGE)
    assert (error["code"], error["exitCode"]) == (code, status)


@pytest.mark.parametrize(("name", "set_up", "finding"), HOSTS, ids=[case[0] for case in HOSTS])
def test_hosts(name: str, set_up: Callable[[Machine], None], finding: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    set_up(machine)
    package = PACKAGE if machine.package else ()
    before = dict(machine.host.files)
    error = refused(machine, before, "--pod-network-cidr", "192.168.0.0/16", *package)
    assert (error["code"], error["exitCode"]) == ("preflight", 2)
    findings = {found["name"]: found for found in error["findings"]}  # type: ignore[attr-defined]
    assert finding in findings


def test_who_is_not_root_is_told_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ended = edgeadm(machine, "init", *PACKAGE, is_root=False)
    assert ended.status == 1
    assert "[not-root]" in ended.err
    assert "sudo" in ended.err


def test_the_table_is_long_enough() -> None:
    assert len(FLAGS) + len(FILES) + len(HOSTS) >= 40
