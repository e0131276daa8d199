"""A Debian machine in memory: it answers what edgeadm asks, and changes when edgeadm acts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from edgeadm.cluster.fake import FakeCluster, FakeOutside
from edgeadm.config import Config
from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.phase import Context
from edgeadm.core.wait import Wait
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.package.manifest import FILTERS
from edgeadm.package.opened import OpenPackage
from edgeadm.phases.edge_apps.first_start import PATCH
from edgeadm.workflows import INVENTORY
from tests.bare import ANSWERS, FILES
from tests.certificates import authority, sign_request
from tests.clocks import ticking
from tests.packed import VERSION, make_package
from tests.packetfilter import applied
from tests.traces import API_SERVER, MANIFEST, cache_knows, join_writes, kubeadm_writes, patched, pods_write


@dataclass
class KubeletHost(FakeHost):
    """A host whose kubelet runs the API server as its manifest says, once there is a cluster."""

    on_manifest: Callable[[bytes], None] = lambda _manifest: None

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        super().write(path, data, mode)
        if path == MANIFEST:
            self.on_manifest(data)


@dataclass
class Machine:
    """The machine, its cluster, and the package that it is made from."""

    folder: Path
    host: KubeletHost = field(default_factory=lambda: KubeletHost("cp1", dict(FILES)))
    cluster: FakeCluster = field(default_factory=FakeCluster)
    units: dict[str, set[str]] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=dict)
    import_flags: tuple[str, ...] = ("--local", "--label")
    package: OpenPackage | None = None
    rules: str = ""
    role: str = "control-plane"
    reached: tuple[str, str] = ("https://10.0.0.11:6443", "")
    api: dict[str, dict[str, Any]] = field(default_factory=lambda: copy.deepcopy(API))
    # What of a manifest's command line keeps the API server from becoming ready.
    unbearable: str = "\0"
    # Programs beyond Debian's default installation.
    programs: frozenset[str] = frozenset(FILTERS)

    def __post_init__(self) -> None:
        self.host.on_manifest = self.run_api_server
        self.host.answers = {
            **ANSWERS,
            "systemctl": self._systemctl,
            "sysctl -q -p": self._sysctl,
            "grep -Hs": self._kernel_parameters,
            "sh -c": self._missing_programs,
            "containerd": self._containerd,
            "install -d": Result(),
            "rm": self._rm,
            "rmdir": Result(),
            "kubeadm": self._kubeadm,
            "ctr plugins ls": self._plugins,
            "ctr --namespace k8s.io images": self._images,
            "timeout 120": lambda host, argv, stdin: host.run(*argv[2:], stdin=stdin),
            "find": self._find,
            "ip -o link show": self._links,
            "ip -o addr show": self._addresses,
            "ip link delete": self._delete_link,
            "umount": self._umount,
            "/usr/bin/edgeadm-node": self._helper,
            "kill": self._kill,
            "sysctl -q -w": self._set,
            **{f"{family}-save": self._save_rules for family in ("iptables", "ip6tables")},
            **{f"{family}-restore": self._restore_rules for family in ("iptables", "ip6tables")},
        }
        self.cluster.controllers = self._control
        self.host.files |= {f"/usr/sbin/{name}": b"own" for name in self.programs}
        self.package = make_package(self.folder, self.role)

    def context(self, config: Config | None = None, **more: Any) -> Context:
        """What a phase of a real run would get."""
        journal = Journal(self.host)
        return Context(
            config or Config(),
            JournaledHost(self.host, journal),
            journal,
            lambda: self.cluster,
            INVENTORY,
            self.package,
            self.outside,
            discover=lambda _ticket: self.outside(),
            **{"wait": Wait(ticking()), **more},
        )

    def packed_for(self, role: str) -> OpenPackage | None:
        """The package as a node of that role opens it."""
        return None if self.package is None else replace(self.package, role=role)

    def outside(self) -> FakeOutside:
        """The API of the cluster that this machine is to join."""
        server, at = self.reached
        return FakeOutside(self.api, authority()[0], server, sign_request, at)

    def _systemctl(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        verb, *words = [word for word in argv[1:] if not word.startswith("-")]
        if verb == "show":
            return Result(out="\n".join(map(self._shown, words)))
        verbs = ("restart", "start", "stop", "enable", "disable", "daemon-reload", "reset-failed")
        for unit in words[1:]:
            self._systemctl(host, ("systemctl", verb, unit), b"")
        state = self.units.setdefault(words[0] if words else "", set())
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
        assert verb in verbs, argv
        return Result()

    def _shown(self, unit: str) -> str:
        """The properties of a unit as `systemctl show` prints them."""
        state = self.units.get(unit) or self.units.get(unit.removesuffix(".service"), set())
        lines = {
            "Id": unit,
            "UnitFileState": "enabled" if "enabled" in state else "disabled",
            "ActiveState": "active" if "active" in state else "inactive",
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())

    def _sysctl(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        for line in host.files[argv[-1]].decode().splitlines():
            if "=" in line and not line.startswith("#"):
                name, value = (part.strip() for part in line.split("="))
                host.files["/proc/sys/" + name.replace(".", "/")] = value.encode() + b"\n"
        return Result()

    def _kernel_parameters(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        there = {path: host.files[path].decode() for path in argv[3:] if path in host.files}
        return Result(out="".join(f"{path}:{text}" for path, text in there.items()))

    def _missing_programs(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        own = {
            "nft",
            "haproxy",
            "keepalived",
            "kubeadm",
            "kubelet",
            "ethtool",
            "socat",
            "iptables",
        } - self.programs
        missing = [name for name in argv[4:] if name in own and f"/usr/bin/{name}" not in host.files]
        return Result(out="\n".join(missing))

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
        if verb == "import" and "--help" in words:
            return Result(out="".join(f"   {flag} value\n" for flag in self.import_flags))
        if verb == "import":
            assert self.package is not None
            image = next(each for each, file in self.package.images() if words[-1].endswith(file.sha256))
            assert {word for word in words if word in ("--local", "--label")} <= set(self.import_flags)
            label = words[words.index("--label") + 1] if "--label" in words else "-"
            self.images[image.name] = [image.digest, label]
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
            if PATCH in host.files and b"/etc/edgeadm/patches" in host.files["/etc/edgeadm/kubeadm.yaml"]:
                host.files[MANIFEST] = patched(API_SERVER, host.files[PATCH])
            self._run_pods(host)
            self.run_cluster()
        elif argv[1] == "join":
            assert b"token" in host.files["/etc/edgeadm/bootstrap.conf"]
            host.files |= join_writes()
            if b"controlPlane:" in host.files["/etc/edgeadm/join.yaml"]:
                made = kubeadm_writes()
                host.files |= {path: made[path] for path in (MANIFEST, "/etc/kubernetes/admin.conf")}
            marks = {"annotations": {"flannel.alpha.coreos.com/backend-data": '{"VNI":1}'}}
            self.api["/api/v1/nodes/cp1"] = {"metadata": marks, "status": {"conditions": [READY]}}
        elif argv[1] == "reset":
            for path in (*kubeadm_writes(), *join_writes()):
                host.files.pop(path, None)
        return Result()

    def run_cluster(self) -> None:
        """The objects that a cluster has as soon as kubeadm has made it."""
        role = {"node-role.kubernetes.io/control-plane": ""}
        self.add_node("cp1", role)
        self.cluster.objects[("v1", "Service", "default", "kubernetes")] = {
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "spec": {"clusterIP": "10.96.0.1"},
        }
        for obj in yaml.safe_load_all(KUBE_SYSTEM):
            key = (obj["apiVersion"], obj["kind"], "kube-system", obj["metadata"]["name"])
            _give_status(obj)
            self.cluster.objects[key] = obj
        self.run_api_server(self.host.files[MANIFEST])

    def _control(self, obj: dict[str, Any]) -> None:
        """What controllers do once an object is applied; some make definitions."""
        _give_status(obj)
        for name in DEFINES.get(obj["metadata"]["name"], ()) if obj["kind"] == "Deployment" else ():
            self.define(name)

    def define(self, name: str) -> None:
        """A definition that the API has taken."""
        self.cluster.objects[("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name)] = {
            "metadata": {"name": name},
            "spec": {"conversion": {"strategy": "Webhook", "webhook": {}}},
            "status": {"conditions": [{"type": "Established", "status": "True"}]},
        }

    def add_node(self, name: str, labels: dict[str, str]) -> None:
        """A node that is up."""
        self.cluster.objects[("v1", "Node", "", name)] = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "status": {"conditions": [READY], "nodeInfo": {"kubeletVersion": VERSION}},
        }

    def run_api_server(self, manifest: bytes) -> None:
        """What the kubelet does with the API server's manifest: the Pod, and its picture in the API."""
        pod = yaml.safe_load(manifest)
        pod["metadata"] |= {"name": "kube-apiserver-cp1"}
        pod["spec"]["nodeName"] = "cp1"
        bearable = not any(self.unbearable in word for word in pod["spec"]["containers"][0]["command"])
        pod["status"] = {"conditions": [{"type": "Ready", "status": str(bearable)}]}
        self.cluster.down = not bearable
        self.cluster.objects[("v1", "Pod", "kube-system", "kube-apiserver-cp1")] = pod

    def make_control_plane(self) -> None:
        """As `kubeadm init` leaves it, without edgeadm."""
        self.host.files |= kubeadm_writes()
        self._run_pods(self.host)
        self.run_cluster()

    def add_edge_components(self) -> None:
        """As `edgeadm addon edge-apps` announces them to nodes that join."""
        data = self.api["/api/v1/namespaces/edge-system/configmaps/edge-info"]["data"]
        self.cluster.objects[("v1", "ConfigMap", "edge-system", "edge-info")] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "edge-info", "namespace": "edge-system"},
            "data": dict(data),
        }

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

    def _addresses(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        """Its own, and the virtual IP while keepalived runs."""
        found = ["10.0.0.11/24"]
        if "active" in self.units.get("edgeadm-keepalived", set()):
            found.append(json.loads(host.files["/etc/edgeadm/vip/virtual-ip.json"])["address"] + "/32")
        return Result(out="".join(f"2: eth0    inet {each} scope global eth0\n" for each in found))

    def _delete_link(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        del host.files[f"/sys/class/net/{argv[-1]}/x"]
        return Result()

    def _helper(self, host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        """The program that keeps what an edge node knows: once it is one, it knows all of it."""
        if argv[0] not in host.files:
            return Result(code=127)
        joined = "/etc/kubernetes/kubelet.conf" in host.files
        return Result(out=json.dumps({"entries": list(cache_knows()) if joined else []}))

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
# Shortened from what kubeadm v1.34.4 makes.
KUBE_SYSTEM = (Path(__file__).parent / "cases" / "kube-system.yaml").read_text()
# Kernel parameters as kube-proxy leaves them.
CHANGED = {"net.ipv4.conf.all.route_localnet": b"1\n", "vm.overcommit_memory": b"1\n"}


API: dict[str, dict[str, Any]] = {
    "/version": {"gitVersion": VERSION},
    "/healthz": {},
    "/api/v1/namespaces/kube-system/configmaps/kubeadm-config": {
        "data": {"ClusterConfiguration": "networking: {serviceSubnet: 10.96.0.0/12}"}
    },
    "/api/v1/namespaces/edge-system/configmaps/edge-info": {
        "data": {
            "edge-virtual-addr": "169.254.20.11",
            "kube-api-cluster-ip": "10.96.0.1",
            "node-programs": "flannel kube-proxy",
        }
    },
}
READY = {"type": "Ready", "status": "True"}


# What the API knows of once a Deployment runs.
DEFINES = {
    "application-grid-controller": [
        f"{kind}.superedge.io" for kind in ("deploymentgrids", "servicegrids", "statefulsetgrids")
    ],
    "site-manager": [f"{kind}.site.superedge.io" for kind in ("nodeunits", "nodegroups")],
}


def _give_status(obj: dict[str, Any]) -> None:
    if obj["kind"] == "Deployment":
        count = obj["spec"].get("replicas", 1)
        replicas = {"replicas": count, "updatedReplicas": count, "availableReplicas": count}
        available = [{"type": "Available", "status": "True"}]
        obj["status"] = {"observedGeneration": 1, "conditions": available} | replicas
    if obj["kind"] == "CustomResourceDefinition":
        obj["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
    if obj["kind"] == "DaemonSet":
        obj["status"] = {"desiredNumberScheduled": 1, "numberReady": 1, "observedGeneration": 1}
