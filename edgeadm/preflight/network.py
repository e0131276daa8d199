"""Checks that ports and addresses are free, and that no other cluster left files."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import product

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.config.control_plane import ALIVE_PORT, KEEPALIVED, bind_port, virtual_ip
from edgeadm.config.kubeadm_defaults import KUBERNETES, MANIFESTS
from edgeadm.config.own_node import advertise_address, given_address
from edgeadm.config.ranges import pod_ranges, service_ranges
from edgeadm.hosts import Host, facts
from edgeadm.node.cni_files import LINKS
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.virtual_ip import VIRTUAL_IP_CHECKS

GROUP = "network"
KUBELET_PORT = 10250
PORTS = (10259, 10257, KUBELET_PORT, 2379, 2380)
EDGE_LINK = "tkeedgedns"
EDGE_UNIT = "/etc/systemd/system/edgeadm-nic.service"
LITE_UNIT = "/etc/systemd/system/lite-apiserver.service"
STATIC_PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
CNI_FOLDER = "/etc/cni/net.d"
KUBECONFIGS = ("admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf")


def _ports(subject: Subject) -> Iterable[Outcome]:
    if subject.resuming:
        return
    used = facts.listening_ports(subject.host)
    for port in _wanted_ports(subject):
        if port in used:
            hint = f"find the process with `ss -ltnp 'sport = :{port}'`"
            yield failed(f"Port {port} is in use", hint, code=f"Port-{port}")


def _wanted_ports(subject: Subject) -> tuple[int, ...]:
    if subject.role == "control-plane":
        shared = virtual_ip(subject.config)
        haproxy = (shared.port, ALIVE_PORT) if shared and shared.kind == KEEPALIVED else ()
        return (bind_port(subject.config), *haproxy, *PORTS)
    return (KUBELET_PORT,)


def _lite_port(subject: Subject) -> Iterable[Outcome]:
    port = subject.config.join.lite_apiserver_port
    if subject.role == "edge" and not subject.ours(LITE_UNIT) and port in facts.listening_ports(subject.host):
        yield failed(
            f"Port {port}, the port of lite-apiserver, is in use",
            f"find the process with `ss -ltnp 'sport = :{port}'`, or choose another port with "
            "`--lite-apiserver-port`",
            code=f"Port-{port}",
        )


def _manifests(subject: Subject) -> Iterable[Outcome]:
    for name in STATIC_PODS if not subject.resuming else ():
        path = f"{MANIFESTS}/{name}.yaml"
        if subject.host.stat(path) is not None:
            slug = path.strip("/").replace("/", "-")
            yield failed(f"{path} already exists", code=f"FileAvailable--{slug}")


def _other_cluster(subject: Subject) -> Iterable[Outcome]:
    for name in KUBECONFIGS if not subject.resuming else ():
        path = f"{KUBERNETES}/{name}"
        if subject.host.stat(path) is not None:
            yield failed(f"{path} already exists", code=f"FileAvailable--etc-kubernetes-{name}")


def _etcd(subject: Subject) -> Iterable[Outcome]:
    external = any("external" in (each.get("etcd") or {}) for each in subject.config.kubeadm_documents)
    if not subject.resuming and not external and subject.host.names("/var/lib/etcd"):
        yield failed("/var/lib/etcd is not empty", code="DirAvailable--var-lib-etcd")


def _left_over(subject: Subject) -> Iterable[Outcome]:
    if subject.resuming:
        return
    files = [name for name in subject.host.names(CNI_FOLDER) if not subject.ours(f"{CNI_FOLDER}/{name}")]
    found = [f"{CNI_FOLDER}/{name}" for name in files if name.endswith((".conf", ".conflist", ".json"))]
    found += sorted(facts.links(subject.host) & set(LINKS))
    if found:
        yield warning(f"an earlier pod network left {', '.join(found)}")


def _ranges(subject: Subject) -> Iterable[Outcome]:
    wanted = {"pod network": pod_ranges(subject.config), "Service": service_ranges(subject.config)}
    for kind, networks in wanted.items():
        for network, (link, address) in product(networks, _addresses(subject.host)):
            if address in network:
                yield failed(f"address {address} of {link} is in the {kind} range {network}")


def _virtual(subject: Subject) -> Iterable[Outcome]:
    if not subject.config.enable_edge or subject.role == "worker":
        return
    for link, address in _addresses(subject.host):
        ours = link == EDGE_LINK and subject.ours(EDGE_UNIT)
        if str(address) == subject.config.edge_virtual_addr and not ours:
            yield failed(f"{link} already has the virtual address of edge nodes, {address}")


def _route(subject: Subject) -> Iterable[Outcome]:
    if not given_address(subject.config) and not facts.default_address(subject.host):
        text = "there is no default route to determine this node's address"
        flag = "--apiserver-advertise-address" if subject.role == "control-plane" else "--node-ip"
        yield failed(text, f"pass `{flag}`")


def _advertised(subject: Subject) -> Iterable[Outcome]:
    own = {str(address) for _, address in _addresses(subject.host)}
    for flag, name, wanted in (
        ("--apiserver-advertise-address", "AdvertiseAddress", advertise_address(subject.config)),
        ("--node-ip", "NodeIP", subject.config.join.node_ip),
    ):
        if wanted and wanted not in own:
            text = f"no interface of this host has {wanted}"
            yield failed(text, f"pass one of its own addresses as `{flag}`", code=name)


def _addresses(host: Host) -> Iterator[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    for link, found in facts.addresses(host).items():
        if link not in LINKS and link != "kube-ipvs0":
            for text in found:
                yield link, ipaddress.ip_interface(text).ip


MANIFESTS_CHECK = Check(
    "FileAvailable",
    GROUP,
    "there are no static Pod manifests",
    _manifests,
    hint="if it belongs to another cluster, remove it with `kubeadm reset`",
)
CLUSTER_CHECK = Check(
    "ClusterState",
    GROUP,
    "the host is not a node of a cluster",
    _other_cluster,
    hint="this host is or was a node: run `edgeadm reset` first, or use another host",
)
ETCD_CHECK = Check(
    "DirAvailable",
    GROUP,
    "the etcd directory is empty",
    _etcd,
    hint="if it belongs to another cluster and is no longer needed, move it away",
)
LEFTOVER_CHECK = Check(
    "LeftoverNetwork",
    GROUP,
    "an earlier pod network left no files and no links",
    _left_over,
    hint="remove what no longer belongs to this node; edgeadm does not delete it",
)
VIRTUAL_CHECK = Check(
    "EdgeVirtualAddr",
    GROUP,
    "the virtual address of edge nodes is free",
    _virtual,
    hint="choose another `--edge-virtual-addr`",
)
ROUTE_CHECK = Check("DefaultRoute", GROUP, "the node has an address that other nodes can reach", _route)
JOIN_NETWORK_CHECKS = (
    Check("Port", GROUP, "the ports of the kubelet, or of the control plane, are free", _ports),
    Check("LitePort", GROUP, "the port of lite-apiserver is free", _lite_port),
    CLUSTER_CHECK,
    LEFTOVER_CHECK,
    VIRTUAL_CHECK,
    ROUTE_CHECK,
    Check("NodeIP", GROUP, "the node's address is assigned to this host", _advertised),
)
CONTROL_PLANE_CHECKS = (MANIFESTS_CHECK, ETCD_CHECK)
NETWORK_CHECKS = (
    Check("Port", GROUP, "the control plane's ports are free", _ports),
    MANIFESTS_CHECK,
    CLUSTER_CHECK,
    ETCD_CHECK,
    LEFTOVER_CHECK,
    Check(
        "NetworkOverlap",
        GROUP,
        "pod and Service ranges contain no address of this host",
        _ranges,
        hint="choose a range that no network of this site uses",
    ),
    VIRTUAL_CHECK,
    ROUTE_CHECK,
    Check("AdvertiseAddress", GROUP, "the advertised address is assigned to this host", _advertised),
    *VIRTUAL_IP_CHECKS,
)
