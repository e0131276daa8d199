"""TKEStack's Cluster and Machine (platform.tkestack.io/v1), with the annotations of SuperEdge.

Source: tkestack/tke, api/platform/v1/types.go. Every key of it is here: mapped, ignored with a warning, or
refused. The spelling of `superedge.io/edgeImageResository` is that of TKE's design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.config.secret import Secret
from edgeadm.fleet.documents import forms
from edgeadm.fleet.documents.errors import UnsupportedDocumentError
from edgeadm.fleet.documents.faults import Faults
from edgeadm.fleet.documents.kinds import Anything, Choice, Encoded, Ignored, ListOf, MapOf, Text, Whole
from edgeadm.fleet.documents.node_fleet import LABELS, NAME, PORT
from edgeadm.fleet.documents.node_task import ObjectMetadata
from edgeadm.fleet.documents.parts import Body, Part, key

API, CLUSTER, MACHINE = "platform.tkestack.io/v1", "Cluster", "Machine"
REPOSITORY = "superedge.io/edgeImageResository"
EDGE_VERSION = "superedge.io/edge-version"
VIRTUAL_ADDRESS = "superedge.io/edge-virtual-addr"
ANNOTATIONS: Mapping[str, Text] = {
    REPOSITORY: Text(forms.REPOSITORY),
    EDGE_VERSION: Text(forms.RELEASE),
    VIRTUAL_ADDRESS: Text(forms.ADDRESS),
}
EDGE, BAREMETAL = "Edge", "Baremetal"
ADDRESS = Text(forms.ADDRESS, longest=45)
ARGUMENTS = MapOf(Text(forms.ARGUMENT), Text(longest=4096))
LONGEST_KEY = 64 * 1024


@dataclass(frozen=True)
class Refused(Anything):
    """A key whose effect edgeadm does not have, and without which the result would be another cluster."""

    reason: str

    def read(self, value: Any, path: str, faults: Faults) -> Any:  # noqa: ARG002
        faults.add(path, self.reason, UnsupportedDocumentError)


@dataclass(frozen=True)
class Taint(Body):
    """A taint, as in the API of Kubernetes."""

    label: str | None = key("Key.", Text(forms.LABEL, longest=317), required=True, name="key")
    value: str | None = key("Value.", Text(forms.VALUE_OF_LABEL, longest=63))
    effect: str | None = key(
        "Effect.", Choice(("NoSchedule", "PreferNoSchedule", "NoExecute")), required=True
    )
    time_added: Any = key("Set by the API server.", Anything())

    def __str__(self) -> str:
        return f"{self.label}={self.value or ''}:{self.effect}"


TAINTS = ListOf(Part(Taint), most=64)


@dataclass(frozen=True)
class Login(Body):
    """The login of a machine: exactly as in TKEStack, a user, and a password or a private key in base64."""

    ip: str | None = key("Address of the machine.", ADDRESS, required=True)
    port: int | None = key("Port of the SSH server; 22 if not set.", PORT)
    username: str | None = key("User; `root` if not set.", Text(forms.USER_NAME, longest=65))
    password: Secret | None = key("Password, in base64.", Encoded())
    private_key: Secret | None = key("Private key, in base64.", Encoded(LONGEST_KEY, lines=True))
    pass_phrase: Secret | None = key("Passphrase of the private key, in base64.", Encoded())
    labels: Mapping[str, str] | None = key("Labels of the Node.", LABELS)
    taints: tuple[Taint, ...] | None = key("Taints of the Node.", TAINTS)
    proxy: Any = key(
        "Not supported.",
        Refused("edgeadm reaches the machines directly: describe a jump host in a NodeFleet (`via`)"),
    )


@dataclass(frozen=True)
class LocalEtcd(Body):
    """The etcd on the control planes."""

    data_dir: str | None = key("Directory of the data; kubeadm's default if empty.", Text(forms.DIRECTORY))
    server_cert_sans: tuple[str, ...] | None = key(
        "Additional names in etcd's server certificate.",
        ListOf(Text(forms.HOST), most=64),
        name="serverCertSANs",
    )
    peer_cert_sans: tuple[str, ...] | None = key(
        "Additional names in etcd's peer certificate.", ListOf(Text(forms.HOST), most=64), name="peerCertSANs"
    )
    extra_args: Mapping[str, str] | None = key("Options of etcd.", ARGUMENTS)


@dataclass(frozen=True)
class Etcd(Body):
    """The etcd of the cluster."""

    local: LocalEtcd | None = key("The etcd on the control planes.", Part(LocalEtcd))
    external: Any = key("Not supported.", Refused("edgeadm runs etcd on the control planes"))


@dataclass(frozen=True)
class TkeHa(Body):
    """A virtual IP that the control planes share; kube-vip manages it."""

    vip: str | None = key("Address.", ADDRESS, required=True)
    vrid: Any = key("Not used.", Ignored("kube-vip has no router ID"))


@dataclass(frozen=True)
class ThirdPartyHa(Body):
    """A load balancer in front of the control planes."""

    vip: str | None = key("Address.", ADDRESS, required=True)
    vport: int | None = key("Port; 6443 if not set.", PORT)


@dataclass(frozen=True)
class Ha(Body):
    """The address of a cluster with several control planes."""

    tke: TkeHa | None = key("A virtual IP, which edgeadm manages.", Part(TkeHa))
    third_party: ThirdPartyHa | None = key("A load balancer, which exists.", Part(ThirdPartyHa))

    def faults(self) -> Iterator[tuple[str, str]]:
        if self.tke is not None and self.third_party is not None:
            yield "", "expects one of tke and thirdParty"


NO_STEP = "edgeadm does not install it"


@dataclass(frozen=True)
class Features(Body):
    """Features of the cluster."""

    container_runtime: str | None = key(
        "Container runtime. edgeadm installs containerd; `docker` is answered with a warning.",
        Choice(("containerd", "docker")),
    )
    skip_conditions: tuple[str, ...] | None = key(
        "Steps of TKEStack to skip. Those that edgeadm has are phases of `edgeadm init`.",
        ListOf(Text(longest=120), most=100),
    )
    hooks: Any = key(
        "Not supported.",
        Refused(
            "edgeadm runs no commands of a document: PreInstall is the moment before the phase `preflight`, "
            "PostInstall the moment after `edge-apps`; run the commands by other means, and remove the key"
        ),
    )
    files: Any = key(
        "Not supported.", Refused("edgeadm copies no files of a document: copy them by other means")
    )
    ha: Ha | None = key("The address of a cluster with several control planes.", Part(Ha))
    ipvs: Any = key("Not used.", Ignored("kube-proxy runs in its default mode"))
    public_lb: Any = key("Not used.", Ignored("edgeadm creates no load balancer"), name="publicLB")
    internal_lb: Any = key("Not used.", Ignored("edgeadm creates no load balancer"), name="internalLB")
    gpu_type: Any = key("Not used.", Ignored(NO_STEP))
    enable_master_schedule: Any = key("Not used.", Ignored("control planes keep their taint"))
    enable_metrics_server: Any = key("Not used.", Ignored(NO_STEP))
    enable_cilium: Any = key("Not used.", Ignored("the pod network is flannel"))
    ipv6_dual_stack: Any = key(
        "Not used.", Ignored("the address families are those of clusterCIDR"), name="ipv6DualStack"
    )
    csi_operator: Any = key("Not used.", Ignored(NO_STEP))
    authz_webhook_addr: Any = key("Not used.", Ignored(NO_STEP))
    auditing: Any = key("Not used.", Ignored("the API server writes no audit log"))
    upgrade: Any = key("Not used.", Ignored("edgeadm does not upgrade clusters"))


@dataclass(frozen=True)
class Properties(Body):
    """Sizes of the cluster."""

    max_cluster_service_num: int | None = key(
        "Number of Services; the size of their network follows from it.", Whole(16, 1 << 16)
    )
    max_node_pod_num: int | None = key(
        "Number of Pods of a node; the size of its network follows from it.", Whole(16, 1024)
    )
    oversold_ratio: Any = key("Not used.", Ignored(NO_STEP))


@dataclass(frozen=True)
class ClusterSpec(Body):
    """The specification of a cluster."""

    type: str | None = key("Type of the cluster: `Edge`.", Choice((EDGE,)), required=True)
    version: str | None = key(
        "Version of Kubernetes. Versions of TKE without a package are answered with a warning.",
        Text(forms.RELEASE, longest=64),
    )
    display_name: Any = key("Not used.", Ignored("edgeadm shows the name of the object"))
    tenant_id: Any = key("Not used.", Ignored("edgeadm has no tenants"), name="tenantID")
    machines: tuple[Login, ...] | None = key(
        "The control planes.", ListOf(Part(Login), 101, least=1), required=True
    )
    network_device: str | None = key(
        "Network interface of the virtual IP of the control planes.", Text(forms.INTERFACE, longest=15)
    )
    cluster_cidr: str | None = key("Network of Pods.", Text(forms.CIDR), name="clusterCIDR")
    service_cidr: str | None = key("Network of Services.", Text(forms.CIDR), name="serviceCIDR")
    dns_domain: str | None = key("DNS domain of Services.", Text(forms.HOST, longest=253))
    public_alternative_names: tuple[str, ...] | None = key(
        "Additional names and addresses of the API server.", ListOf(Text(forms.HOST), most=64)
    )
    features: Features | None = key("Features of the cluster.", Part(Features))
    properties: Properties | None = key("Sizes of the cluster.", Part(Properties))
    etcd: Etcd | None = key("The etcd of the cluster.", Part(Etcd))
    api_server_extra_args: Mapping[str, str] | None = key("Options of kube-apiserver.", ARGUMENTS)
    controller_manager_extra_args: Mapping[str, str] | None = key(
        "Options of kube-controller-manager.", ARGUMENTS
    )
    scheduler_extra_args: Mapping[str, str] | None = key("Options of kube-scheduler.", ARGUMENTS)
    kubelet_extra_args: Any = key(
        "Not supported.", Refused("set the values in a KubeletConfiguration instead")
    )
    docker_extra_args: Any = key("Not used.", Ignored("the runtime is containerd"))
    hostname_as_nodename: Any = key("Not used.", Ignored("names of Nodes are those of the document"))
    network_type: Any = key("Not used.", Ignored("the pod network is flannel"))
    network_args: Any = key("Not used.", Ignored("the pod network is flannel"))
    scaling_machines: Any = key("Not supported.", Refused("list the control planes in `machines`"))
    bootstrap_apps: Any = key("Not used.", Ignored(NO_STEP))
    cluster_credential_ref: Any = key("Not used.", Ignored("edgeadm creates the credentials of the cluster"))
    finalizers: Any = key("Not used.", Anything())

    def faults(self) -> Iterator[tuple[str, str]]:
        properties = self.properties or Properties()
        if self.service_cidr is not None and properties.max_cluster_service_num is not None:
            yield "serviceCIDR", "excludes properties.maxClusterServiceNum"


@dataclass(frozen=True)
class Cluster(Body):
    """A cluster of TKEStack with the type Edge."""

    api_version: str | None = key(f"`{API}`.", Choice((API,)), required=True)
    kind: str | None = key(f"`{CLUSTER}`.", Choice((CLUSTER,)), required=True)
    metadata: ObjectMetadata | None = key("Metadata of the object.", Part(ObjectMetadata), required=True)
    spec: ClusterSpec | None = key("The cluster.", Part(ClusterSpec), required=True)
    status: Any = key("Set by the controller.", Anything())


@dataclass(frozen=True)
class MachineSpec(Login):
    """A machine that joins a cluster of the same file."""

    cluster_name: str | None = key("Name of the Cluster.", NAME, required=True)
    type: str | None = key(
        "`Edge` for an edge node, `Baremetal` for a worker near the control plane.",
        Choice((EDGE, BAREMETAL)),
        required=True,
    )
    tenant_id: Any = key("Not used.", Ignored("edgeadm has no tenants"), name="tenantID")
    finalizers: Any = key("Not used.", Anything())


@dataclass(frozen=True)
class MachineObject(Body):
    """A machine of TKEStack. The name of its Node is the name of the object."""

    api_version: str | None = key(f"`{API}`.", Choice((API,)), required=True)
    kind: str | None = key(f"`{MACHINE}`.", Choice((MACHINE,)), required=True)
    metadata: ObjectMetadata | None = key("Metadata of the object.", Part(ObjectMetadata), required=True)
    spec: MachineSpec | None = key("The machine.", Part(MachineSpec), required=True)
    status: Any = key("Set by the controller.", Anything())
