"""An edge node in memory that would come back by itself, for tests to break in one place."""

from __future__ import annotations

import base64
import gzip
import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from edgeadm import pki
from edgeadm.autonomy.boot import BEFORE
from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from edgeadm.autonomy.cni import NEEDED, PLUGINS
from edgeadm.autonomy.node import KUBELET_CONFIG, UNITS, open_node
from edgeadm.checks.engine import WRONG, Finding, run_checks, with_result
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Result
from edgeadm.hosts.card import INTERFACES
from edgeadm.hosts.fake import FakeHost
from edgeadm.hosts.units import full_name
from edgeadm.node import service_ip, service_routes, units
from edgeadm.node.cni_files import CONFLIST
from edgeadm.node.kernel_state import FILE as KERNEL
from edgeadm.node.kernel_state import document
from edgeadm.node.lite_files import AUTHORITY, CACHE, LINK, LOCAL, PAIR, addresses, names
from edgeadm.node.membership import CLIENT, FACTS, KUBELET_FLAGS, ClusterFacts
from edgeadm.node.offline_files import ADDRESSES, HELPER, RESERVATIONS, SCRATCH, SNAPSHOT, SUBNET
from edgeadm.node.state import KUBELET_CONF
from edgeadm.node.units import KEEP_FILE
from tests.certificates import new_pair
from tests.machine import Machine

NAME = "edge1"
VERSION = "v1.36.3"
VIRTUAL, SERVICE, DOMAIN = "169.254.20.11", "10.96.0.1", "cluster.local"
SERVER = f"https://{VIRTUAL}:51003"
MAC = "92:27:54:5c:8c:ca"
KUBERNETES = f"kubernetes.default.svc.{DOMAIN}"
FLANNEL_NODE = f"flanneld_v0.0.0__nodes_{NAME}_"
GIB = 1 << 30
RULE = f"ip daddr {SERVICE} tcp dport 443 dnat to {VIRTUAL}:51003"
TABLE = f"table ip edgeadm {{\n chain prerouting {{\n  {RULE}\n }}\n chain output {{\n  {RULE}\n }}\n}}\n"
ENTRIES = (
    f"kubelet_{VERSION}__pods___list",
    f"kubelet_{VERSION}__services___list",
    f"kubelet_{VERSION}__nodes_{NAME}__list",
    f"kubelet_{VERSION}__csinodes_{NAME}_",
    f"kubelet_{VERSION}_kube-node-lease_leases_{NAME}_",
    f"kubelet_{VERSION}_default_configmaps_kube-root-ca.crt__list",
    f"kube-proxy_{VERSION}__services___list",
    f"kube-proxy_{VERSION}__endpointslices___list",
    f"kube-proxy_{VERSION}__nodes_{NAME}_",
    "flanneld_v0.0.0__nodes___list",
    FLANNEL_NODE,
    "CoreDNS_1.12.1__services___list",
    "CoreDNS_1.12.1__endpointslices___list",
    "CoreDNS_1.12.1__namespaces___list",
)
IMAGES = ("registry.k8s.io/pause:3.10.1", "docker.io/library/web:1", f"registry.k8s.io/kube-proxy:{VERSION}")


@cache
def cluster_ca() -> tuple[bytes, bytes]:
    """A CA that is good for years, as a cluster's is."""
    return new_pair("kubernetes", days=3650, begun=timedelta(days=30))


def certificate(name: str, days: int = 365, begun: timedelta = timedelta(minutes=5)) -> bytes:
    """A certificate of the name with its key, as kubelets keep them; nobody looks who signed it."""
    return b"".join(new_pair(name, days=days, begun=begun))


def serving(days: int = 365, ca: tuple[bytes, bytes] | None = None) -> bytes:
    """What lite-apiserver serves with: key and certificate in one."""
    key, leaf = pki.new_key(), pki.Leaf("x", tuple(names(DOMAIN)), tuple(addresses(VIRTUAL, SERVICE)))
    return key + pki.sign(*(ca or cluster_ca()), key, leaf, days)


def entry(key: str) -> dict[str, Any]:
    """An entry as `edgeadm-node cache` shows it."""
    name, verb = (key.removesuffix("_list"), "list") if key.endswith("_list") else (key, "get")
    client, namespace, resource, obj, sub = name.rsplit("_", 4)
    return {
        "key": key,
        "userAgent": client,
        "namespace": namespace,
        "resource": resource,
        "name": obj,
        "subresource": sub,
        "verb": verb,
        "bytes": 100,
        "ageSeconds": 600,
        "whole": True,
        "snapshot": True,
    }


def pod(name: str, image: str, address: str = "", **more: Any) -> dict[str, Any]:
    """A Pod as `edgeadm-node pods` shows it; without an address it is in the host's network."""
    found = {
        "namespace": "default" if address else "kube-system",
        "name": name,
        "uid": name,
        "hostNetwork": not address,
        "mirror": False,
        "phase": "Running",
        "addresses": [address or "10.0.0.21"],
        "images": [{"name": image, "policy": "IfNotPresent"}],
        "serviceAccountToken": False,
        "deleting": False,
    }
    return found | more


def cached(obj: dict[str, Any], *, packed: bool = False) -> bytes:
    """An object as lite-apiserver's cache holds it."""
    data, headers = json.dumps(obj).encode(), {"Content-Type": ["application/json"]}
    if packed:
        data, headers = gzip.compress(data), headers | {"Content-Encoding": ["gzip"]}
    return json.dumps({"code": 200, "header": headers, "body": base64.b64encode(data).decode()}).encode()


def flannel_node(mac: str = MAC, subnet: str = "10.244.1.0/24", *, packed: bool = False) -> bytes:
    """flannel's own Node, as cached."""
    notes = {
        "flannel.alpha.coreos.com/backend-type": "vxlan",
        "flannel.alpha.coreos.com/backend-data": json.dumps({"VNI": 1, "VtepMAC": mac}),
    }
    spec = {"podCIDR": subnet, "podCIDRs": [subnet]}
    return cached({"metadata": {"name": NAME, "annotations": notes}, "spec": spec}, packed=packed)


def kubeconfig(server: str) -> bytes:
    """One that names this server."""
    return yaml.safe_dump({"clusters": [{"name": "x", "cluster": {"server": server}}]}).encode()


@dataclass
class FakeNearby:
    """The servers of an edge node. An error in place of a status is raised."""

    answer: int | EdgeadmError = 200
    names: dict[str, list[str]] = field(default_factory=dict)

    def status(self, server: str, ca: bytes, path: str) -> int:
        if isinstance(self.answer, EdgeadmError):
            raise self.answer
        return self.answer

    def addresses(self, server: str, name: str) -> list[str]:
        return self.names.get(name, [])


@dataclass
class EdgeNode:
    """The node: its machine, and what its programs answer with."""

    folder: Path
    machine: Machine = field(init=False)
    nearby: FakeNearby = field(default_factory=lambda: FakeNearby(names={KUBERNETES: [SERVICE]}))
    units: dict[str, dict[str, str]] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    conflist: dict[str, Any] = field(default_factory=dict)
    facts: ClusterFacts = field(init=False)

    def __post_init__(self) -> None:
        self.machine = Machine(self.folder, role="edge")
        self.units = {unit: _unit(unit) for unit in UNITS}
        self.links = {
            "eth0": ["10.0.0.21/24"],
            LINK: [VIRTUAL + "/32"],
            "flannel.1": ["10.244.1.0/32"],
            "cni0": ["10.244.1.1/24"],
        }
        self.told = {
            "cache": {"entries": [entry(key) for key in ENTRIES]},
            "pods": {"pods": [pod("web", "web:1", "10.244.1.5"), pod("edge-kube-proxy-x", IMAGES[2])]},
            "addresses": {
                "records": [{"namespace": "default", "pod": "web", "addresses": ["10.244.1.5"]}],
                "problems": [],
            },
            "images": {
                "images": [{"name": name, "bytes": GIB, "pinned": True, "fits": True} for name in IMAGES],
                "pinnedBytes": 3 * GIB,
                "limitBytes": 10 * GIB,
            },
        }
        self.facts = ClusterFacts(
            "https://10.0.0.11:6443", cluster_ca()[0].decode(), VERSION, SERVICE, DOMAIN, VIRTUAL
        )
        self.knows(
            cni="flannel",
            edge_dns=True,
            edge_programs=("flannel", "kube-proxy"),
            service_ranges=("10.96.0.0/12",),
        )
        self.host.files |= self._files()
        self.host.answers |= self._answers()

    @property
    def host(self) -> FakeHost:
        """The machine's."""
        return self.machine.host

    def knows(self, **changed: Any) -> None:
        """Something else of the cluster than its join found."""
        self.facts = ClusterFacts(**(vars(self.facts) | changed))
        self.host.files[FACTS] = self.facts.text()

    def write_conflist(self, **changed: Any) -> None:
        """The network configuration, its first plugin changed so."""
        first = {
            "type": "flannel",
            "subnetFile": SUBNET,
            "dataDir": SCRATCH,
            "ipam": {"type": "edge-ipam", "dataDir": RESERVATIONS},
        }
        plugins = [first | changed, {"type": "portmap"}]
        self.host.files[CONFLIST] = json.dumps({"name": "cbr0", "plugins": plugins}).encode()

    def entry(self, start: str) -> dict[str, Any]:
        """The first entry whose name begins so."""
        return next(each for each in self.told["cache"]["entries"] if each["key"].startswith(start))

    def forget(self, start: str) -> None:
        """Take the entries away whose names begin so."""
        kept = [each for each in self.told["cache"]["entries"] if not each["key"].startswith(start)]
        self.told["cache"]["entries"] = kept

    def findings(self) -> list[Finding]:
        """Of every check."""
        return list(run_checks(AUTONOMY_CHECKS, open_node(self.host, self.nearby)))

    def wrong(self) -> dict[str, str]:
        """Code → result, of those that are not as they should be."""
        return {each.code: each.result.value for each in with_result(self.findings(), *WRONG)}

    def _files(self) -> dict[str, bytes]:
        self.write_conflist()
        fixed = (
            units.NIC_FILE,
            units.LITE_APISERVER_FILE,
            service_ip.TOOL,
            "/usr/bin/containerd",
            "/sys/class/rtc/rtc0/x",
        )
        config = {
            "clusterDNS": [VIRTUAL],
            "clusterDomain": DOMAIN,
            "featureGates": {"WatchListClient": False},
        }
        sandbox = f'[plugins."io.containerd.cri.v1.images".pinned_images]\nsandbox = "{IMAGES[0]}"\n'
        for name in NEEDED:
            self.host.write(f"{PLUGINS}/{name}", b"program", 0o755)
        return dict.fromkeys(fixed, b"x") | {
            "/etc/containerd/config.toml": f"version = 3\n{sandbox}".encode(),
            AUTHORITY: cluster_ca()[0],
            PAIR: serving(),
            LOCAL: kubeconfig(SERVER),
            KUBELET_CONF: kubeconfig(SERVER),
            KUBELET_CONFIG: yaml.safe_dump(config).encode(),
            CLIENT: certificate(f"system:node:{NAME}"),
            KERNEL: document(service_routes.states(self.facts)),
            KEEP_FILE: f"ExecStart={HELPER} keep --kernel={KERNEL} --hold={LINK}\n".encode(),
            KUBELET_FLAGS: b'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.21"\n',
            INTERFACES: b"auto eth0\niface eth0 inet dhcp\n",
            SUBNET: b"FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n"
            b"FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
            f"{CACHE}/{FLANNEL_NODE}": flannel_node(),
        }

    def _answers(self) -> dict[str, Any]:
        def told(_host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
            document = self.told[argv[1]]
            return Result(code=1 if document.get("problems") else 0, out=json.dumps(document))

        return {
            "hostname": Result(out=f"{NAME}\n"),
            "date +%s": Result(out=f"{int(time.time())}\n"),
            "systemctl show": self._show,
            "ip -o addr show": self._shown_links,
            "ip -o link show dev flannel.1": Result(out=f"3: flannel.1: <UP> link/ether {MAC} brd ff:ff\n"),
            f"{service_ip.TOOL} list table ip edgeadm": Result(out=TABLE),
            "ip route show table default": Result(out=f"10.96.0.0/12 dev {LINK} scope link \n"),
            "networkctl": Result(code=127),
            "nmcli": Result(code=127),
            "kubelet --version": Result(out=f"Kubernetes {VERSION}\n"),
            f"stat -c '%a %u' {CACHE}": Result(out="700 0\n"),
            f"stat -c '%a %u' {SNAPSHOT}": Result(out="700 0\n"),
            "stat -f -c '%T %n'": Result(out=f"ext2/ext3 {CACHE}\next2/ext3 {ADDRESSES}\n"),
            "df -Pk": _df(100_000_000, 40_000_000),
            "df -Pi": _df(1_000_000, 900_000),
            **{f"{HELPER} {verb} -o json": told for verb in self.told},
        }

    def _show(self, _host: FakeHost, argv: tuple[str, ...], _stdin: bytes) -> Result:
        shown = {full_name(unit): state for unit, state in self.units.items()}
        blank = {"LoadState": "not-found", "ActiveState": "inactive"}
        parts = [{"Id": name} | shown.get(name, blank) for name in argv[3:]]
        return Result(
            out="\n\n".join("\n".join(f"{k}={v}" for k, v in part.items()) for part in parts) + "\n"
        )

    def _shown_links(self, _host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        lines = [f"2: {link}    inet {each} scope" for link, all_ in self.links.items() for each in all_]
        return Result(out="\n".join(lines))


def _unit(unit: str) -> dict[str, str]:
    return {
        "LoadState": "loaded",
        "UnitFileState": "enabled",
        "ActiveState": "active",
        "SubState": "running",
        "NeedDaemonReload": "no",
        "After": "basic.target network.target",
        "Before": " ".join(["multi-user.target", *map(full_name, BEFORE.get(unit, ()))]),
    }


def _df(total: int, free: int) -> Result:
    return Result(out=f"Filesystem Blocks Used Available\n/dev/vda {total} 1 {free} 1% /\n")
