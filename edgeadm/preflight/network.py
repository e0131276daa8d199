"""Are the ports and addresses free, and has no other cluster left something?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from edgeadm.config import Config
from edgeadm.hosts import Host, facts
from edgeadm.preflight.check import Check, Finding
from edgeadm.preflight.subject import Subject

PORTS = (10259, 10257, 10250, 2379, 2380)
MANIFESTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
CNI_FOLDER = "/etc/cni/net.d"
CNI_LINKS = ("cni0", "flannel.1", "cbr0", "kube-ipvs0", "tunl0", "cilium_host", "antrea-gw0")
KUBECONFIGS = ("admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf")


def _ports(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if subject.resuming:
        return
    used = facts.listening_ports(host)
    for port in (config.kubeadm.apiserver_bind_port or 6443, *PORTS):
        if port in used:
            hint = f"`ss -ltnp 'sport = :{port}'` tells who listens there"
            yield Finding(f"Port-{port}", f"Port {port} is in use", hint)


def _manifests(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    for name in MANIFESTS if not subject.resuming else ():
        path = f"/etc/kubernetes/manifests/{name}.yaml"
        if host.stat(path) is not None:
            slug = path.strip("/").replace("/", "-")
            hint = "another cluster's node? `kubeadm reset` takes it back"
            yield Finding(f"FileAvailable--{slug}", f"{path} already exists", hint)


def _other_cluster(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    for name in KUBECONFIGS if not subject.resuming else ():
        path = f"/etc/kubernetes/{name}"
        if host.stat(path) is not None:
            hint = "this machine is or was a node: reset it first, or use another one"
            yield Finding(f"FileAvailable--etc-kubernetes-{name}", f"{path} already exists", hint)


def _etcd(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    external = any("external" in (each.get("etcd") or {}) for each in config.kubeadm_documents)
    if not subject.resuming and not external and host.names("/var/lib/etcd"):
        hint = "another cluster's data: move it away if it is no longer needed"
        yield Finding("DirAvailable--var-lib-etcd", "/var/lib/etcd is not empty", hint)


def _left_over(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    if subject.resuming:
        return
    files = [name for name in host.names(CNI_FOLDER) if not subject.ours(f"{CNI_FOLDER}/{name}")]
    found = [f"{CNI_FOLDER}/{name}" for name in files if name.endswith((".conf", ".conflist", ".json"))]
    found += sorted(facts.links(host) & set(CNI_LINKS))
    if found:
        yield Finding(
            "LeftoverNetwork",
            f"an earlier pod network left {', '.join(found)}",
            "remove what no longer belongs to this node; edgeadm deletes nothing foreign",
            fatal=False,
        )


def _ranges(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    wanted = {
        "pod network": config.kubeadm.pod_network_cidr or "",
        "Service": config.kubeadm.service_cidr or "10.96.0.0/12",
    }
    for kind, text in wanted.items():
        for network in (ipaddress.ip_network(part, strict=False) for part in text.split(",") if part):
            for link, address in _addresses(host):
                if address.version == network.version and address in network:
                    hint = "choose a range that no network of this site uses"
                    yield Finding(
                        "NetworkOverlap", f"{link}'s {address} lies in the {kind} range {network}", hint
                    )


def _virtual(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    for link, address in _addresses(host) if config.enable_edge else ():
        if str(address) == config.edge_virtual_addr:
            text = f"{link} already has the edge's virtual address {address}"
            yield Finding("EdgeVirtualAddr", text, "choose another `--edge-virtual-addr`")


def _route(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    if not config.kubeadm.apiserver_advertise_address and not facts.default_address(host):
        text = "there is no default route to take the API server's address from"
        yield Finding("DefaultRoute", text, "pass `--apiserver-advertise-address`")


def _advertised(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    wanted = config.kubeadm.apiserver_advertise_address
    if wanted and wanted not in {str(address) for _, address in _addresses(host)}:
        text = f"no interface of this machine has {wanted}"
        yield Finding(
            "AdvertiseAddress", text, "`--apiserver-advertise-address` takes one of its own addresses"
        )


def _addresses(host: Host) -> Iterator[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    for link, found in facts.addresses(host).items():
        if link not in CNI_LINKS and link != "kube-ipvs0":
            for text in found:
                yield link, ipaddress.ip_interface(text).ip


NETWORK_CHECKS = (
    Check("Port", "the control plane's ports are free", _ports),
    Check("FileAvailable", "no static Pod manifests are there", _manifests),
    Check("ClusterState", "the machine is not a node of a cluster", _other_cluster),
    Check("DirAvailable", "etcd's folder is empty", _etcd),
    Check("LeftoverNetwork", "no earlier pod network left anything", _left_over),
    Check("NetworkOverlap", "pod and Service ranges meet no address of this machine", _ranges),
    Check("EdgeVirtualAddr", "the edge's virtual address is free", _virtual),
    Check("DefaultRoute", "there is an address that other nodes can reach", _route),
    Check("AdvertiseAddress", "the advertised address is this machine's", _advertised),
)
