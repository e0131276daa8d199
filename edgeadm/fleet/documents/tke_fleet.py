"""From a Cluster of TKEStack, and its Machines, to a Fleet."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeadm.config.kubeadm_defaults import API_PORT
from edgeadm.fleet.documents import tke
from edgeadm.fleet.documents.faults import Faults
from edgeadm.fleet.documents.forms import LONGEST_NAME, NAME, normal
from edgeadm.fleet.documents.names import name_of
from edgeadm.fleet.documents.node_fleet import Ssh
from edgeadm.fleet.documents.node_task import ObjectMetadata
from edgeadm.fleet.documents.overlay import Targets, inner
from edgeadm.fleet.documents.tke_steps import phases_to_skip
from edgeadm.fleet.model import ClusterAccess, Fleet, Machine, Role
from edgeadm.kubeadm import compat

KUBEADM_API = "kubeadm.k8s.io/v1beta4"
KUBELET_API = "kubelet.config.k8s.io/v1beta1"
# kube-controller-manager's default for --node-cidr-mask-size, IPv4 and IPv6 (cmd/kube-controller-manager).
DEFAULT_MASK = {4: 24, 6: 64}
# Networks for Services: the first that overlaps neither with the Pods nor with a machine is used.
SERVICE_NETWORKS = ("10.96.0.0/12", "172.20.0.0/14", "192.168.0.0/16", "10.0.0.0/12")
KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"


def fleet_of(
    cluster: tke.Cluster,
    machines: Sequence[tke.MachineObject],
    targets: Targets,
    faults: Faults,
    source: Path | None,
) -> Fleet:
    """The Fleet: control planes of the Cluster, then its Machines. Values that contradict each other are
    recorded as faults."""
    spec, metadata = cluster.spec or tke.ClusterSpec(), cluster.metadata or ObjectMetadata()
    name = metadata.name or ""
    control_planes = [_control_plane(each, name, targets, faults) for each in spec.machines or ()]
    joining = [_machine(each, name, targets, faults) for each in machines]
    endpoint = _endpoint(spec)
    logins = [*(spec.machines or ()), *(each.spec or tke.MachineSpec() for each in machines)]
    if any(each.password or each.private_key for each in logins):
        text = "the document contains credentials in base64, which everyone who reads the file can decode"
        faults.warn("spec.machines", text)
    settings = _annotations(metadata.annotations or {}, faults) | _init_settings(spec, endpoint, faults)
    shared = {key: settings.pop(key) for key in ("edgeVirtualAddr",) if key in settings}
    return Fleet(
        name=name,
        machines=(*(replace(each, settings=settings) for each in control_planes), *joining),
        cluster=ClusterAccess(endpoint=endpoint),
        settings=shared,
        kind=tke.CLUSTER,
        source=source,
        kubeadm_documents=tuple(_kubeadm_documents(spec, faults)),
        version=_version(spec, faults),
    )


def _control_plane(login: tke.Login, cluster: str, targets: Targets, faults: Faults) -> Machine:
    name = name_of("{site}-{address}", 0, normal(login.ip or ""), cluster)
    if not NAME.test(name):
        faults.add("metadata.name", f"the name of a Node would be longer than {LONGEST_NAME} characters")
    return _node(login, name, Role.CONTROL_PLANE, targets)


def _machine(given: tke.MachineObject, cluster: str, targets: Targets, faults: Faults) -> Machine:
    spec, name = given.spec or tke.MachineSpec(), (given.metadata or ObjectMetadata()).name or ""
    if spec.cluster_name != cluster:
        faults.add(f"Machine {name}: spec.clusterName", f"the Cluster of this file is `{cluster}`")
    return _node(spec, name, Role.EDGE if spec.type == tke.EDGE else Role.WORKER, targets)


def _node(login: tke.Login, name: str, role: Role, targets: Targets) -> Machine:
    ssh = inner([Ssh(user=login.username, port=login.port), targets.defaults])
    target = targets.target(login.ip or "", ssh, ())
    given = target.login
    if login.password or login.private_key:
        given = replace(
            given,
            password=login.password,
            sudo_password=login.password,
            key_texts=(login.private_key,) if login.private_key else (),
            passphrase=login.pass_phrase,
            agent=False,
        )
    return Machine(
        name=name,
        target=replace(target, login=given),
        role=role,
        labels=login.labels or {},
        taints=tuple(str(each) for each in login.taints or ()),
    )


def _endpoint(spec: tke.ClusterSpec) -> str:
    ha = (spec.features or tke.Features()).ha or tke.Ha()
    first = (spec.machines or (tke.Login(),))[0].ip
    host, port = first, API_PORT
    if ha.third_party:
        host, port = ha.third_party.vip, ha.third_party.vport or API_PORT
    elif ha.tke:
        host = ha.tke.vip
    text = normal(host or "")
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def _annotations(given: Mapping[str, str], faults: Faults) -> dict[str, Any]:
    keys = {
        tke.REPOSITORY: "edgeImageRepository",
        tke.EDGE_VERSION: "edgeVersion",
        tke.VIRTUAL_ADDRESS: "edgeVirtualAddr",
    }
    found: dict[str, Any] = {}
    for name, value in given.items():
        path = f"metadata.annotations.{name}"
        if name in keys:
            found[keys[name]] = tke.ANNOTATIONS[name].read(value, path, faults)
        elif name.startswith("superedge.io/"):
            faults.unknown("metadata.annotations", name, keys)
        elif name != KUBECTL:
            faults.warn(path, "edgeadm does not use this annotation")
    return found


def _init_settings(spec: tke.ClusterSpec, endpoint: str, faults: Faults) -> dict[str, Any]:
    features = spec.features or tke.Features()
    ha = features.ha or tke.Ha()
    several = len(spec.machines or ()) > 1
    if features.container_runtime == "docker":
        text = "Kubernetes 1.24 and later do not run with docker: edgeadm installs containerd"
        faults.warn("spec.features.containerRuntime", text)
    if several and features.ha is None:
        text = "without `ha`, the first machine is the only address of the API server"
        faults.warn("spec.features", text)
    found: dict[str, Any] = {
        "podNetworkCidr": spec.cluster_cidr,
        "serviceCidr": spec.service_cidr or _service_network(spec, faults),
        "serviceDnsDomain": spec.dns_domain,
        "apiserverCertExtraSans": list(spec.public_alternative_names or ()) or None,
        "controlPlaneEndpoint": endpoint if several or features.ha else None,
        "defaultHa": "kube-vip" if ha.tke else None,
        "interface": spec.network_device if ha.tke else None,
        "skipPhases": list(phases_to_skip(features.skip_conditions or (), SKIP, faults)) or None,
    }
    if spec.network_device and not ha.tke:
        faults.warn("spec.networkDevice", "edgeadm uses it for a virtual IP only (features.ha.tke)")
    return {key: value for key, value in found.items() if value is not None}


SKIP = "spec.features.skipConditions"


def _service_network(spec: tke.ClusterSpec, faults: Faults) -> str | None:
    """The network of Services for maxClusterServiceNum addresses. TKEStack takes it from the end of
    clusterCIDR, which Kubernetes does not allow for Pods and Services that overlap."""
    number = (spec.properties or tke.Properties()).max_cluster_service_num
    if number is None:
        return None
    pods = ipaddress.ip_network(spec.cluster_cidr or "10.244.0.0/16", strict=False)
    if pods.version == 6:
        faults.add("spec.properties.maxClusterServiceNum", "is for IPv4: set serviceCIDR")
        return None
    hosts = [ipaddress.ip_address(each.ip or "") for each in spec.machines or ()]
    prefix = 32 - math.ceil(math.log2(number))
    for text in SERVICE_NETWORKS:
        wide = ipaddress.IPv4Network(text)
        network = ipaddress.IPv4Network((wide.network_address, prefix))
        if not network.overlaps(pods) and not any(host in network for host in hosts):
            return str(network)
    faults.add("spec.properties.maxClusterServiceNum", "no network is free for Services: set serviceCIDR")
    return None


def _kubeadm_documents(spec: tke.ClusterSpec, faults: Faults) -> Iterable[dict[str, Any]]:
    number = (spec.properties or tke.Properties()).max_node_pod_num
    manager = _arguments(spec.controller_manager_extra_args)
    if number is not None:
        yield {"apiVersion": KUBELET_API, "kind": "KubeletConfiguration", "maxPods": number}
        manager += _mask(spec, number, faults)
    local = (spec.etcd.local if spec.etcd else None) or tke.LocalEtcd()
    etcd: dict[str, Any] = {
        "dataDir": local.data_dir,
        "serverCertSANs": list(local.server_cert_sans or ()),
        "peerCertSANs": list(local.peer_cert_sans or ()),
        "extraArgs": _arguments(local.extra_args),
    }
    components: dict[str, dict[str, Any]] = {
        "etcd": {"local": {key: value for key, value in etcd.items() if value}},
        "apiServer": {"extraArgs": _arguments(spec.api_server_extra_args)},
        "controllerManager": {"extraArgs": manager},
        "scheduler": {"extraArgs": _arguments(spec.scheduler_extra_args)},
    }
    filled = {key: value for key, value in components.items() if any(value.values())}
    if filled:
        yield {"apiVersion": KUBEADM_API, "kind": "ClusterConfiguration", **filled}


def _mask(spec: tke.ClusterSpec, number: int, faults: Faults) -> list[dict[str, str]]:
    """The size of a node's network for so many Pods, as an option of kube-controller-manager."""
    pods = ipaddress.ip_network(spec.cluster_cidr or "10.244.0.0/16", strict=False)
    if pods.version == 6:
        return []
    mask = 32 - math.ceil(math.log2(number))
    if mask <= pods.prefixlen:
        faults.add("spec.properties.maxNodePodNum", f"{pods} has no room for two nodes of {number} Pods")
    return [] if mask == DEFAULT_MASK[4] else [{"name": "node-cidr-mask-size", "value": str(mask)}]


def _arguments(given: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in (given or {}).items()]


def _version(spec: tke.ClusterSpec, faults: Faults) -> str:
    """The version of Kubernetes that the document wants, if edgeadm can install it, else empty."""
    if spec.version is None:
        return ""
    if not compat.is_supported(spec.version):
        text = f"edgeadm does not support {spec.version}: the version of the package is installed"
        faults.warn("spec.version", text)
        return ""
    return compat.release(spec.version)
