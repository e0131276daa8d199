"""A Debian machine in memory: it answers what edgeadm asks, and changes when edgeadm acts."""

from __future__ import annotations

import base64
import copy
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeadm.cluster.fake import FakeCluster, FakeOutside
from edgeadm.config import Config
from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.phase import Context
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.package.manifest import FileEntry, ImageEntry, Manifest
from edgeadm.package.opened import OpenPackage
from tests.packetfilter import applied

VERSION = "v1.34.4"
FILES = {
    "/proc/meminfo": b"MemTotal:        8000000 kB\n",
    "/proc/swaps": b"Filename Type Size Used Priority\n",
    "/proc/net/tcp": b"  sl  local_address rem_address   st\n   0: 00000000:0016 00000000:0000 0A 0\n",
    "/proc/1/status": b"CapEff:\t000001ffffffffff\n",
    "/proc/sys/net/ipv4/ip_forward": b"0\n",
    "/proc/sys/net/bridge/bridge-nf-call-iptables": b"1\n",
    "/proc/sys/net/bridge/bridge-nf-call-ip6tables": b"1\n",
    "/proc/sys/net/netfilter/nf_conntrack_max": b"262144\n",
    "/proc/sys/fs/inotify/max_user_instances": b"128\n",
    "/proc/sys/fs/inotify/max_user_watches": b"65536\n",
    "/proc/sys/net/ipv4/conf/all/route_localnet": b"0\n",
    "/proc/sys/vm/overcommit_memory": b"0\n",
    "/proc/mounts": b"/dev/vda / ext4 rw 0 0\n",
    "/proc/1/cmdline": b"/sbin/init\0",
    "/sys/module/overlay/x": b"",
    "/sys/class/net/eth0/x": b"",
    "/run/systemd/system/x": b"",
}
ANSWERS: dict[str, Result] = {
    "id -u": Result(out="0\n"),
    "uname -m": Result(out="x86_64\n"),
    "hostname": Result(out="cp1\n"),
    "nproc": Result(out="2\n"),
    "getent hosts": Result(out="10.0.0.11 cp1\n"),
    "date +%s": Result(out="1790000000\n"),
    "stat -f -c %T /sys/fs/cgroup": Result(out="cgroup2fs\n"),
    "systemd-detect-virt --container": Result(code=1, out="none\n"),
    "test -w": Result(),
    "ip -o route get": Result(out="192.0.2.1 via 10.0.0.1 dev eth0 src 10.0.0.11 uid 0\n"),
    "ip -o addr show": Result(out="2: eth0    inet 10.0.0.11/24 scope global eth0\n"),
    "df -Pk": Result(out="Filesystem 1024-blocks Used Available\n/dev/vda 50000000 1 40000000 1% /\n"),
    "modprobe": Result(),
    "journalctl": Result(out="no entries\n"),
    "rmdir": Result(),
    "ln": Result(),
    "nft list chains": Result(),
    "dpkg -S": Result(code=1),
    "rpm -qf": Result(code=127),
    "iptables-legacy-save": Result(code=127),
    "ip6tables-legacy-save": Result(code=127),
    "iptables-nft-save": Result(code=127),
    "ip6tables-nft-save": Result(code=127),
}


def packed(text: str) -> bytes:
    """What a packed program of this name holds."""
    return f"#!program {text}\n".encode()


@dataclass
class Machine:
    """The machine, its cluster, and the package that it is made from."""

    folder: Path
    host: FakeHost = field(default_factory=lambda: FakeHost("cp1", dict(FILES)))
    cluster: FakeCluster = field(default_factory=FakeCluster)
    units: dict[str, set[str]] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=dict)
    package: OpenPackage | None = None
    rules: str = ""
    role: str = "control-plane"
    api: dict[str, dict[str, Any]] = field(default_factory=lambda: copy.deepcopy(API))

    def __post_init__(self) -> None:
        self.host.answers = {
            **ANSWERS,
            "systemctl": self._systemctl,
            "sysctl -q -p": self._sysctl,
            "sh -c": self._has_program,
            "containerd": self._containerd,
            "install -d": Result(),
            "rm": self._rm,
            "kubeadm": self._kubeadm,
            "ctr plugins ls": self._plugins,
            "ctr --namespace k8s.io images": self._images,
            "timeout 120": lambda host, argv, stdin: host.run(*argv[2:], stdin=stdin),
            "find": self._find,
            "ip -o link show": self._links,
            "ip link delete": self._delete_link,
            "umount": self._umount,
            "kill": self._kill,
            "sysctl -q -w": self._set,
            **{f"{family}-save": self._save_rules for family in ("iptables", "ip6tables")},
            **{f"{family}-restore": self._restore_rules for family in ("iptables", "ip6tables")},
        }
        self.cluster.controllers = _give_status
        self.package = self._make_package()

    def context(self, config: Config | None = None, **more: Any) -> Context:
        """What a phase of a real run would get."""
        journal = Journal(self.host)
        return Context(
            config or Config(),
            JournaledHost(self.host, journal),
            journal,
            lambda: self.cluster,
            self.package,
            self.outside,
            **more,
        )

    def _make_package(self) -> OpenPackage:
        entries, images = [], []
        folder = self.folder / "unpacked"
        programs = ["kubeadm", "kubelet", "kubectl", "containerd", "containerd-shim-runc-v2", "ctr", "runc"]
        wanted = [(f"bin/{name}", "program") for name in programs]
        wanted += [(f"cni/{name}", "cni-plugin") for name in ("bridge", "flannel")]
        wanted += [("bin/lite-apiserver", "program")]
        wanted += [
            (f"images/{name}.tar", "image") for name in ("kube-apiserver", "pause", "flannel", "approver")
        ]
        for path, kind in wanted:
            data = packed(path)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            entries.append(FileEntry(path, roles_of(path), kind, len(data), 0o755, digest))
            if kind == "image":
                name = {
                    "images/kube-apiserver.tar": f"registry.k8s.io/kube-apiserver:{VERSION}",
                    "images/pause.tar": "registry.k8s.io/pause:3.10.1",
                    "images/approver.tar": "edgeadm.io/approver:v1.0.0",
                    "images/flannel.tar": "ghcr.io/flannel-io/flannel:v0.26.7",
                }[path]
                images.append(ImageEntry(name, path, f"sha256:{digest}", roles_of(path)))
        manifest = Manifest(1, "0.1.0", VERSION, "amd64", tuple(entries), tuple(images))
        return Unpacked(self.folder, manifest, self.role, folder)

    def packed_for(self, role: str) -> OpenPackage | None:
        """The package as a node of that role opens it."""
        return None if self.package is None else replace(self.package, role=role)

    def outside(self) -> FakeOutside:
        """The API of the cluster that this machine is to join."""
        return FakeOutside(self.api, authority()[0], sign=sign_request)

    def _systemctl(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        verb, *words = [word for word in argv[1:] if not word.startswith("-")]
        unit = words[0] if words else ""
        state = self.units.setdefault(unit, set())
        if verb in ("is-active", "is-enabled"):
            known = verb.removeprefix("is-") in state
            return Result(code=0 if known else 3, out="active\n" if known else "inactive\n")
        if verb == "list-units":
            return Result()
        if verb in ("restart", "start"):
            state.add("active")
        elif verb == "enable":
            state.add("enabled")
        elif verb == "stop":
            state.discard("active")
        elif verb == "disable":
            state.clear()
        verbs = ("restart", "start", "stop", "enable", "disable", "daemon-reload", "reset-failed")
        assert verb in verbs, argv
        return Result()

    def _sysctl(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        for line in host.files[argv[-1]].decode().splitlines():
            if "=" in line and not line.startswith("#"):
                name, value = (part.strip() for part in line.split("="))
                host.files["/proc/sys/" + name.replace(".", "/")] = value.encode() + b"\n"
        return Result()

    def _has_program(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        name = argv[-1]
        system = name in ("systemctl", "mount", "iptables", "ip", "modprobe", "sysctl", "conntrack", "tc")
        return Result(code=0 if system or f"/usr/bin/{name}" in host.files else 1)

    def _containerd(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        if "/usr/bin/containerd" not in host.files:
            return Result(code=127)
        if argv[1] == "--version":
            return Result(out="containerd github.com/containerd/containerd/v2 v2.1.5 x\n")
        return Result(out=host.files.get("/etc/containerd/config.toml", b"version = 3\n").decode())

    def _plugins(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        up = "active" in self.units.get("containerd", set())
        return (
            Result(out="TYPE ID PLATFORMS STATUS\nio.containerd.grpc.v1 cri - ok\n") if up else Result(code=1)
        )

    def _images(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        verb, words = argv[4], argv[5:]
        if verb == "ls":
            lines = [
                f"{name} type {info[0]} 1MiB linux/amd64 {info[1]}" for name, info in self.images.items()
            ]
            return Result(out="\n".join(["REF TYPE DIGEST SIZE PLATFORMS LABELS", *lines]))
        if verb == "import":
            assert self.package is not None
            image = next(each for each, file in self.package.images() if words[-1].endswith(file.sha256))
            self.images[image.name] = [image.digest, "-"]
        elif verb == "label":
            self.images[words[0]][1] = words[1]
        elif verb == "rm":
            for name in words[1:] if words[0] == "--sync" else words:
                del self.images[name]
        elif verb == "tag":
            self.images[words[-1]] = list(self.images[words[-2]])
        return Result()

    def _rm(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        for path in argv[2:]:
            host.remove(path)
        return Result()

    def _kubeadm(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        if "/usr/bin/kubeadm" not in host.files:
            return Result(code=127)
        if argv[1] == "version":
            return Result(out=f"{VERSION}\n")
        if argv[1] == "init":
            for path, text in kubeadm_writes().items():
                host.files.setdefault(path, text)
            self._run_pods(host)
            self.cluster.objects[("v1", "Node", "", "cp1")] = {
                "metadata": {"name": "cp1", "labels": {}},
                "status": {"conditions": [READY]},
            }
        elif argv[1] == "join":
            assert b"token" in host.files["/etc/edgeadm/bootstrap.conf"]
            host.files |= join_writes()
            self.api["/api/v1/nodes/cp1"] = {"status": {"conditions": [READY]}}
        elif argv[1] == "reset":
            for path in (*kubeadm_writes(), *join_writes()):
                host.files.pop(path, None)
        return Result()

    def _run_pods(self, host: FakeHost) -> None:
        """What kubelet, kube-proxy, flannel and containerd do once there is a cluster."""
        host.files |= pods_write()
        self.units.setdefault("kubelet", set()).add("active")
        self.rules = (CASES / "control-plane.txt").read_text()
        for name, value in CHANGED.items():
            host.files["/proc/sys/" + name.replace(".", "/")] = value

    def _find(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        """`find PATH … -delete` and `… -exec rmdir`: a folder in memory is what is in it."""
        for path in [path for path in host.files if path == argv[1] or path.startswith(argv[1] + "/")]:
            del host.files[path]
        return Result()

    def _links(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        names = host.names("/sys/class/net")
        return Result(out="".join(f"{i}: {name}: <UP> mtu 1500\n" for i, name in enumerate(names, 1)))

    def _delete_link(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        del host.files[f"/sys/class/net/{argv[-1]}/x"]
        return Result()

    def _umount(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        lines = host.files["/proc/mounts"].decode().splitlines(keepends=True)
        host.files["/proc/mounts"] = "".join(
            line for line in lines if line.split()[1].replace("\\040", " ") != argv[-1]
        ).encode()
        return Result()

    def _kill(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        for path in [path for path in host.files if path.split("/")[1:3] in (["proc", n] for n in argv[2:])]:
            del host.files[path]
        return Result()

    def _set(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        name, _, value = argv[-1].partition("=")
        host.files["/proc/sys/" + name.replace(".", "/")] = value.encode() + b"\n"
        return Result()

    def _save_rules(self, _host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        return Result(out=self.rules if argv[0] == "iptables-save" else "")

    def _restore_rules(self, _host: FakeHost, argv: tuple[str, ...], stdin: bytes) -> Result:
        assert argv[1:] == ("--noflush",), argv
        self.rules = applied(self.rules, stdin.decode())
        return Result()


CASES = Path(__file__).parent / "cases" / "iptables"
# Kernel parameters as kube-proxy leaves them.
CHANGED = {"net.ipv4.conf.all.route_localnet": b"1\n", "vm.overcommit_memory": b"1\n"}


def roles_of(path: str) -> tuple[str, ...]:
    """Which nodes need the file."""
    if path in ("images/kube-apiserver.tar", "images/approver.tar"):
        return ("control-plane",)
    return ("edge",) if path == "bin/lite-apiserver" else ("control-plane", "worker", "edge")


API: dict[str, dict[str, Any]] = {
    "/version": {"gitVersion": VERSION},
    "/healthz": {},
    "/api/v1/namespaces/kube-system/configmaps/kubeadm-config": {
        "data": {"ClusterConfiguration": "networking: {serviceSubnet: 10.96.0.0/12}"}
    },
    "/api/v1/namespaces/edge-system/configmaps/edge-info": {
        "data": {"edge-virtual-addr": "169.254.20.11", "kube-api-cluster-ip": "10.96.0.1"}
    },
}
READY = {"type": "Ready", "status": "True"}
KUBECONFIG = b"""apiVersion: v1
kind: Config
clusters:
- {name: kubernetes, cluster: {server: "https://10.0.0.11:6443", certificate-authority: pki/ca.crt}}
contexts:
- {name: admin, context: {cluster: kubernetes, user: admin}}
current-context: admin
"""


@dataclass(frozen=True)
class Unpacked(OpenPackage):
    """A package whose bytes lie in a folder already."""

    def unpacked(self) -> Path:
        return self.private

    def check(self) -> None:
        """The test made it a moment ago."""

    def close(self) -> None:
        """Other tests of this machine go on with it."""


def kubeadm_writes() -> dict[str, bytes]:
    """The files that a finished `kubeadm init` leaves, a real pair for the CA included."""
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
    found = {f"/etc/kubernetes/manifests/{name}.yaml": b"kind: Pod\n" for name in names}
    found |= {f"/etc/kubernetes/{name}.conf": KUBECONFIG for name in ("admin", "kubelet")}
    certificate, key = authority()
    return found | {"/etc/kubernetes/pki/ca.crt": certificate, "/etc/kubernetes/pki/ca.key": key}


def pods_write() -> dict[str, bytes]:
    """What running pods leave on a machine, as files."""
    places = (
        "/var/lib/kubelet/config.yaml",
        "/var/lib/etcd/member/wal",
        "/var/lib/cni/networks/cbr0/lock",
        "/run/flannel/subnet.env",
        "/run/xtables.lock",
        "/var/log/pods/x/0.log",
        "/var/log/containers/x.log",
        "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
        "/run/containerd/containerd.sock",
        "/opt/containerd/bin/x",
        "/usr/libexec/kubernetes/x",
        "/run/netns/cni-1",
        "/sys/class/net/cni0/x",
        "/sys/class/net/flannel.1/x",
        "/sys/fs/cgroup/kubepods.slice/x",
        "/sys/fs/cgroup/pids/kubepods.slice/x",
    )
    return {
        **dict.fromkeys(places, b""),
        "/proc/mounts": b"/dev/vda / ext4 rw 0 0\n"
        b"tmpfs /var/lib/kubelet/pods/1/volumes/a\\040b tmpfs rw 0 0\n",
        "/proc/700/cmdline": b"/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0",
        "/proc/700/cgroup": b"0::/system.slice/containerd.service\n",
        "/proc/701/cmdline": b"/pause\0",
        "/proc/701/cgroup": b"0::/kubepods.slice/kubepods-pod1.slice\n",
    }


def join_writes() -> dict[str, bytes]:
    """The files that a finished `kubeadm join` of a worker leaves."""
    certificate, key = authority()
    kubeconfig = (
        "apiVersion: v1\nclusters:\n- cluster:\n    server: https://169.254.20.11:51003\n"
        f"    certificate-authority-data: {base64.b64encode(certificate).decode()}\ncurrent-context: x\n"
    )
    return {
        "/etc/kubernetes/kubelet.conf": kubeconfig.encode(),
        "/var/lib/kubelet/pki/kubelet-client-current.pem": certificate + key,
        "/etc/kubernetes/pki/ca.crt": certificate,
    }


_AUTHORITY: list[tuple[bytes, bytes]] = []


def authority() -> tuple[bytes, bytes]:
    """A CA certificate and its key, made once for the whole test run."""
    if not _AUTHORITY:
        _AUTHORITY.append(new_pair("kubernetes"))
    return _AUTHORITY[0]


def sign_request(request: bytes) -> bytes:
    """The certificate that the cluster's CA gives for a request."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    asked = x509.load_pem_x509_csr(request)
    issuer = x509.load_pem_x509_certificate(authority()[0])
    key: Any = serialization.load_pem_private_key(authority()[1], None)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(issuer.subject)
        .public_key(asked.public_key())
        .serial_number(2)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )
    for each in asked.extensions:
        builder = builder.add_extension(each.value, each.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def new_pair(name: str) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    return certificate.public_bytes(pem), key.private_bytes(pem, form, serialization.NoEncryption())


def _give_status(obj: dict[str, Any]) -> None:
    if obj["kind"] == "Deployment":
        obj["status"] = {"availableReplicas": 1, "observedGeneration": 1}
    if obj["kind"] == "DaemonSet":
        obj["status"] = {"desiredNumberScheduled": 1, "numberReady": 1, "observedGeneration": 1}
