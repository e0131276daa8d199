"""Searches the bytes of a cluster's secrets in everything that edgeadm wrote, printed and started, and in
objects that a holder of a bootstrap token may read."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgeadm.cluster.outside import TokenApi
from edgeadm.hosts import Result
from edgeadm.hosts.process import execute
from edgeadm.sandbox import Node, Sandbox
from tests.e2e.cluster import ADMIN, NETWORK, package_in
from tests.e2e.files import contents

pytestmark = pytest.mark.e2e
KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)\n-----END", re.DOTALL)
EMBEDDED = re.compile(rb"client-key-data: ([A-Za-z0-9+/=]+)")
EDGEADMS = ("var/lib/edgeadm", "var/log/edgeadm")  # journal, backups, logs of runs
PAUSE = 0.05  # seconds between two reads of the process list
SHOWN = ("/srv/shown", "/dev/shm/shown")
READABLE_BY_OTHERS = ("-perm", "/077")
JOIN = """apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: {endpoint}
    token: {token}
    caCertHashes: ["{pin}"]
"""


class Watcher:
    """The command lines of all processes on this host, including its sandboxes' nodes."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(PAUSE):
                self._look()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _look(self) -> None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    self.seen.add((entry / "cmdline").read_bytes())
                except (FileNotFoundError, ProcessLookupError):
                    continue


@dataclass
class Run:
    """The cluster of this file while it was created and uninstalled: its processes, outputs and secrets."""

    sandbox: Sandbox
    watcher: Watcher = field(default_factory=Watcher)
    secrets: dict[str, bytes] = field(default_factory=dict)
    said: dict[str, Result] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    token: str = ""

    def edgeadm(self, name: str, node: str, *words: str) -> Result:
        """Run it, and store its output under this name."""
        self.said[name] = self.sandbox.node(node).exec(["edgeadm", *words])
        return self.said[name]

    def keep(self, name: str, secret: str) -> None:
        """The secret of a token, which follows the dot."""
        self.secrets[name] = secret.rpartition(".")[2].encode()

    def keep_keys(self, node: Node) -> None:
        """Every private key on the node, as a line of it, and in a kubeconfig's encoding."""
        for path, data in contents(lambda: files(node, "-size", "-64k")).items():
            whole = [base64.b64decode(found[1]) for found in EMBEDDED.finditer(data)]
            for number, found in enumerate(KEY.finditer(b"\n".join([data, *whole]))):
                name = f"{node.name}: {path.name} {number}"
                self.secrets[name] = found[1].splitlines()[1]
                self.secrets[f"{name}, encoded"] = base64.b64encode(found[0])[60:120]

    def found_in(self, data: bytes) -> list[str]:
        """Names of the secrets that these bytes contain."""
        return sorted(name for name, secret in self.secrets.items() if secret in data)


def files(node: Node, *tests: str) -> list[Path]:
    """Every regular file on the node that is not in its image, including all mounts."""
    disk = str(node.folder / "disk")
    command = ["find", disk, "-ignore_readdir_race", "-xdev", "-type", "f", *tests, "-print0"]
    return [Path(name) for name in execute(command).checked().out.split("\0") if name]


@pytest.fixture(scope="module")
def run(make_sandbox: Callable[..., Sandbox], package: Path) -> Run:
    """A control plane, an edge node that joined with the printed command, a worker with its token in a
    file."""
    run = Run(make_sandbox(control_planes=1, edges=1, workers=1, package=package))
    cp1, worker = run.sandbox.node("cp1"), run.sandbox.node("worker1")
    source = ["--install-pkg-path", package_in(cp1)]
    with run.watcher.watching():
        stable = ["--control-plane-endpoint", f"{cp1.ip}:6443", "--upload-certs"]
        init = run.edgeadm("init", "cp1", "init", *source, *stable, *NETWORK).out
        created = run.edgeadm("token create", "cp1", "token", "create", "--print-join-command").out.split()
        run.typed = [*created, *source]
        run.edgeadm("join of an edge node", "edge1", *run.typed[1:])
        run.token = after("--token", init)
        values = {"endpoint": created[2], "token": run.token, "pin": created[6]}
        worker.write("/root/join.yaml", JOIN.format(**values), 0o600)
        given = ["join", "--config", "/root/join.yaml", "--enable-edge=false"]
        run.edgeadm("join of a worker", "worker1", *given, *source)
        run.keep("token of init", run.token)
        run.keep("token of token create", created[4])
        run.keep("certificate key", after("--certificate-key", init))
        for node in run.sandbox.nodes:
            run.keep_keys(node)
    return run


def after(flag: str, text: str) -> str:
    """The word that follows the flag."""
    found = re.search(rf"{flag} (\S+)", text)
    assert found
    return found[1]


def test_the_secrets_are_those_of_a_whole_cluster(run: Run) -> None:
    """Keys of all CAs, of ServiceAccounts, of lite-apiserver and of each kubelet: a missing key would not be
    detected."""
    names = {name.partition(": ")[2].partition(" ")[0] for name in run.secrets}
    wanted = {"ca.key", "front-proxy-ca.key", "sa.key", "apiserver.key", "lite-apiserver.pem", "admin.conf"}
    assert wanted <= names
    kubelets = {name.partition(":")[0] for name in run.secrets if "kubelet-client" in name}
    assert kubelets == {"cp1", "edge1", "worker1"}


def test_no_program_was_started_with_a_secret(run: Run) -> None:
    """The user's own input is excluded: only the join command with its token. `--config` avoids it; the
    worker joined in this way."""
    typed = "\0".join(run.typed[1:]).encode()
    lines = [line for line in run.watcher.seen if typed not in line]
    assert any(b"kubeadm\0init" in line for line in lines)
    assert any(b"kubeadm\0join" in line for line in lines)
    assert {line: run.found_in(line) for line in lines if run.found_in(line)} == {}


@pytest.mark.parametrize("name", ["cp1", "edge1", "worker1"])
def test_journal_backups_and_logs_hold_none(name: str, run: Run) -> None:
    root = run.sandbox.node(name).root
    folders = [root / part for part in EDGEADMS]
    kept = contents(lambda: [path for each in folders for path in each.rglob("*") if path.is_file()])
    assert kept
    found = {str(path): run.found_in(data) for path, data in kept.items()}
    assert {path: names for path, names in found.items() if names} == {}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_only_what_is_asked_for_is_said(run: Run) -> None:
    found = {name: run.found_in((said.out + said.err).encode()) for name, said in run.said.items()}
    assert found == {
        "init": ["certificate key", "token of init"],
        "token create": ["token of token create"],
        "join of an edge node": [],
        "join of a worker": [],
    }
    assert run.found_in(b"".join(said.err.encode() for said in run.said.values())) == []


@pytest.mark.parametrize("name", ["cp1", "edge1", "worker1"])
def test_no_file_above_0600_holds_one(name: str, run: Run, tmp_path: Path) -> None:
    """No exceptions: neither edgeadm's files, nor those of kubeadm, kubelet or Pods. Two files of the test
    show that the search works."""
    node = run.sandbox.node(name)
    needles = tmp_path / "needles"
    needles.write_bytes(b"\n".join([*run.secrets.values(), b"a secret of the test"]))
    for shown in SHOWN:
        node.write(shown, "it is a secret of the test\n", 0o640)
    found = grep(needles, files(node, *READABLE_BY_OTHERS))
    assert [path.rpartition("/upper")[2] for path in found] == [SHOWN[0]]
    shell = f"grep -slF -f - -- $(find /run /tmp /dev/shm -xdev -type f {' '.join(READABLE_BY_OTHERS)})"
    ended = node.exec(["sh", "-c", shell], stdin=needles.read_bytes(), check=False)
    assert ended.out.split() == [SHOWN[1]]


def grep(needles: Path, paths: list[Path]) -> list[str]:
    """The files that contain one of the needles."""
    names = "\0".join(map(str, paths)).encode()
    command = ["xargs", "-0", "grep", "-lF", "-f", str(needles), "--"]
    return execute(command, stdin=names).out.splitlines()


def test_a_bootstrap_token_reads_no_secret(run: Run) -> None:
    """Every ConfigMap and Secret of the cluster is requested with the token, individually and as lists."""
    cp1 = run.sandbox.node("cp1")
    api = TokenApi(f"https://{cp1.ip}:6443", cp1.read("/etc/kubernetes/pki/ca.crt"), run.token)
    readable = {}
    for kind in ("configmaps", "secrets"):
        command = [*ADMIN, "get", kind, "-A", "-o", "json"]
        there = json.loads(cp1.exec(command).out)["items"]
        assert there
        for meta in (each["metadata"] for each in there):
            folder = f"/api/v1/namespaces/{meta['namespace']}/{kind}"
            for path in (f"{folder}/{meta['name']}", folder, f"/api/v1/{kind}"):
                found = api.get(path)
                if found is not None:
                    readable[path] = found
    inside = {path: run.found_in(unpacked(found).encode()) for path, found in readable.items()}
    assert {path: names for path, names in inside.items() if names} == {}
    system = "/api/v1/namespaces/kube-system"
    assert sorted(path for path in readable if "/secrets" in path) == [f"{system}/secrets/kubeadm-certs"]
    assert f"{system}/configmaps/kubeadm-config" in readable


def test_a_reset_says_none_and_starts_nothing_with_one(run: Run) -> None:
    """The last test of this file: it deletes the worker."""
    watcher = Watcher()
    with watcher.watching():
        said = run.edgeadm("reset", "worker1", "reset", "-f", "--keep-logs")
    assert run.found_in((said.out + said.err).encode()) == []
    assert any(b"kubeadm\0reset" in line for line in watcher.seen)
    assert {line: run.found_in(line) for line in watcher.seen if run.found_in(line)} == {}
    logs = list((run.sandbox.node("worker1").root / "var/log/edgeadm").iterdir())
    assert logs
    assert run.found_in(b"".join(path.read_bytes() for path in logs)) == []


def unpacked(obj: object) -> str:
    """The object as text, with its decoded values. kubeadm-certs is encrypted with the certificate key."""
    text = json.dumps(obj)
    encoded = re.findall(r'"([A-Za-z0-9+/=]{64,})"', text)
    return "\n".join([text, *(base64.b64decode(part).decode(errors="replace") for part in encoded)])
