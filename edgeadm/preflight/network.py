"""Checks that ports and addresses are free, and that no other cluster left files."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import product

from edgeadm.config import Config
from edgeadm.config.control_plane import ALIVE_PORT, KEEPALIVED, bind_port, virtual_ip
from edgeadm.config.kubeadm_defaults import KUBERNETES, MANIFESTS
from edgeadm.config.own_node import advertise_address, given_address
from edgeadm.config.ranges import pod_ranges, service_ranges
from edgeadm.hosts import Host, facts
from edgeadm.node.cni_files import LINKS
from edgeadm.preflight.check import Check, Finding
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.virtual_ip import VIRTUAL_IP_CHECKS

KUBELET_PORT = 10250
PORTS = (10259, 10257, KUBELET_PORT, 2379, 2380)
EDGE_LINK = "tkeedgedns"
EDGE_UNIT = "/etc/systemd/system/edgeadm-nic.service"
LITE_UNIT = "/etc/systemd/system/lite-apiserver.service"
STATIC_PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
CNI_FOLDER = "/etc/cni/net.d"
KUBECONFIGS = ("admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf")


def _ports(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if subject.resuming:
        return
    used = facts.listening_ports(host)
    for port in _wanted_ports(config, subject):
        if port in used:
            hint = f"find the process with `ss -ltnp 'sport = :{port}'`"
            yield Finding(f"Port-{port}", f"Port {port} is in use", hint)


def _wanted_ports(config: Config, subject: Subject) -> tuple[int, ...]:
    if subject.role == "control-plane":
        shared = virtual_ip(config)
        haproxy = (shared.port, ALIVE_PORT) if shared and shared.kind == KEEPALIVED else ()
        return (bind_port(config), *haproxy, *PORTS)
    return (KUBELET_PORT,)


def _lite_port(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    port = config.join.lite_apiserver_port
    if subject.role == "edge" and not subject.ours(LITE_UNIT) and port in facts.listening_ports(host):
        yield Finding(
            f"Port-{port}",
            f"Port {port}, the port of lite-apiserver, is in use",
            f"find the process with `ss -ltnp 'sport = :{port}'`, or choose another port with "
            "`--lite-apiserver-port`",
        )


def _manifests(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    for name in STATIC_PODS if not subject.resuming else ():
        path = f"{MANIFESTS}/{name}.yaml"
        if host.stat(path) is not None:
            slug = path.strip("/").replace("/", "-")
            hint = "if it belongs to another cluster, remove it with `kubeadm reset`"
            yield Finding(f"FileAvailable--{slug}", f"{path} already exists", hint)


def _other_cluster(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    for name in KUBECONFIGS if not subject.resuming else ():
        path = f"{KUBERNETES}/{name}"
        if host.stat(path) is not None:
            hint = "this host is or was a node: run `edgeadm reset` first, or use another host"
            yield Finding(f"FileAvailable--etc-kubernetes-{name}", f"{path} already exists", hint)


def _etcd(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    external = any("external" in (each.get("etcd") or {}) for each in config.kubeadm_documents)
    if not subject.resuming and not external and host.names("/var/lib/etcd"):
        hint = "if it belongs to another cluster and is no longer needed, move it away"
        yield Finding("DirAvailable--var-lib-etcd", "/var/lib/etcd is not empty", hint)


def _left_over(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    if subject.resuming:
        return
    files = [name for name in host.names(CNI_FOLDER) if not subject.ours(f"{CNI_FOLDER}/{name}")]
    found = [f"{CNI_FOLDER}/{name}" for name in files if name.endswith((".conf", ".conflist", ".json"))]
    found += sorted(facts.links(host) & set(LINKS))
    if found:
        yield Finding(
            "LeftoverNetwork",
            f"an earlier pod network left {', '.join(found)}",
            "remove what no longer belongs to this node; edgeadm does not delete it",
            fatal=False,
        )


def _ranges(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    wanted = {"pod network": pod_ranges(config), "Service": service_ranges(config)}
    for kind, networks in wanted.items():
        for network, (link, address) in product(networks, _addresses(host)):
            if address in network:
                yield Finding(
                    "NetworkOverlap",
                    f"address {address} of {link} is in the {kind} range {network}",
                    "choose a range that no network of this site uses",
                )


def _virtual(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    for link, address in _addresses(host) if config.enable_edge and subject.role != "worker" else ():
        ours = link == EDGE_LINK and subject.ours(EDGE_UNIT)
        if str(address) == config.edge_virtual_addr and not ours:
            text = f"{link} already has the virtual address of edge nodes, {address}"
            yield Finding("EdgeVirtualAddr", text, "choose another `--edge-virtual-addr`")


def _route(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if not given_address(config) and not facts.default_address(host):
        text = "there is no default route to determine this node's address"
        flag = "--apiserver-advertise-address" if subject.role == "control-plane" else "--node-ip"
        yield Finding("DefaultRoute", text, f"pass `{flag}`")


def _advertised(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    own = {str(address) for _, address in _addresses(host)}
    for flag, name, wanted in (
        ("--apiserver-advertise-address", "AdvertiseAddress", advertise_address(config)),
        ("--node-ip", "NodeIP", config.join.node_ip),
    ):
        if wanted and wanted not in own:
            text = f"no interface of this host has {wanted}"
            yield Finding(name, text, f"pass one of its own addresses as `{flag}`")


def _addresses(host: Host) -> Iterator[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    for link, found in facts.addresses(host).items():
        if link not in LINKS and link != "kube-ipvs0":
            for text in found:
                yield link, ipaddress.ip_interface(text).ip


JOIN_NETWORK_CHECKS = (
    Check("Port", "the ports of the kubelet, or of the control plane, are free", _ports),
    Check("LitePort", "the port of lite-apiserver is free", _lite_port),
    Check("ClusterState", "the host is not a node of a cluster", _other_cluster),
    Check("LeftoverNetwork", "no remains of an earlier pod network", _left_over),
    Check("EdgeVirtualAddr", "the virtual address of edge nodes is free", _virtual),
    Check("DefaultRoute", "the node has an address that other nodes can reach", _route),
    Check("NodeIP", "the node's address is assigned to this host", _advertised),
)
CONTROL_PLANE_CHECKS = (
    Check("FileAvailable", "there are no static Pod manifests", _manifests),
    Check("DirAvailable", "the etcd directory is empty", _etcd),
)
NETWORK_CHECKS = (
    Check("Port", "the control plane's ports are free", _ports),
    Check("FileAvailable", "there are no static Pod manifests", _manifests),
    Check("ClusterState", "the host is not a node of a cluster", _other_cluster),
    Check("DirAvailable", "the etcd directory is empty", _etcd),
    Check("LeftoverNetwork", "no remains of an earlier pod network", _left_over),
    Check("NetworkOverlap", "pod and Service ranges contain no address of this host", _ranges),
    Check("EdgeVirtualAddr", "the virtual address of edge nodes is free", _virtual),
    Check("DefaultRoute", "the node has an address that other nodes can reach", _route),
    Check("AdvertiseAddress", "the advertised address is assigned to this host", _advertised),
    *VIRTUAL_IP_CHECKS,
)
