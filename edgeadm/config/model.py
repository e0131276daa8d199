"""What a user can ask for. One field is one flag, one EDGEADM_ variable and one key of the file.

Fields of `Config` are edgeadm's own; fields of `KubeadmFlags` are kubeadm's, with its names. A field that is
None was not given: then the kubeadm that runs has its own default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from edgeadm.config import kubeadm_defaults as defaults

# Who votes on whether an edge node is alive: edge nodes, or the cloud with one vote as well.
EDGE_VOTERS, ALL_VOTERS = "edge", "all"
KubeadmDocument = Mapping[str, Any]


INIT, JOIN, ADDON, DETACH, CERTS, RESET = "init", "join", "addon", "detach", "certs", "reset"


def setting(default: Any, text: str, *, verbs: tuple[str, ...], **more: Any) -> Any:
    """A field with its help text, and the verbs that have it as an option, by their first word. `secret`
    keeps its value out of all output, `flags` are the names of the option if it has several, `metavar` names
    its value, `argument` makes it an argument."""
    return field(default=default, metadata={"help": text, "verbs": verbs, **more})


@dataclass(frozen=True)
class KubeadmFlags:
    """`kubeadm init`'s own flags (cmd/kubeadm/app/cmd/init.go); names and defaults are kubeadm's."""

    apiserver_advertise_address: str | None = setting(
        None,
        "IP address that the API server advertises; that of the default interface if not set.",
        verbs=(INIT, JOIN),
    )
    apiserver_bind_port: int | None = setting(
        None, f"Port of the API server. (kubeadm's default: {defaults.API_PORT})", verbs=(INIT, JOIN)
    )
    apiserver_cert_extra_sans: tuple[str, ...] = setting(
        (), "Additional names and addresses for the API server's certificate.", verbs=(INIT,)
    )
    cert_dir: str | None = setting(
        None, f"Directory of the certificates. (kubeadm's default: {defaults.PKI})", verbs=(INIT,)
    )
    certificate_key: str | None = setting(
        None,
        "Key that encrypts the control plane certificates in the Secret kubeadm-certs.",
        verbs=(INIT, JOIN),
        secret=True,
    )
    control_plane_endpoint: str | None = setting(
        None, "Stable address or name of the control plane.", verbs=(INIT,)
    )
    cri_socket: str | None = setting(
        None, "Socket of the container runtime; detected if not set.", verbs=(INIT, JOIN)
    )
    feature_gates: str | None = setting(None, "kubeadm feature gates, key=value.", verbs=(INIT,))
    ignore_preflight_errors: tuple[str, ...] = setting(
        (),
        "Preflight checks to report as warnings, such as Swap,NumCPU; `all` for every check.",
        verbs=(INIT, JOIN),
    )
    image_repository: str | None = setting(
        None, "Registry of the control plane images. (kubeadm's default: registry.k8s.io)", verbs=(INIT,)
    )
    kubernetes_version: str | None = setting(
        None,
        "Kubernetes version of the control plane; that of the package or the kubeadm binary if not set.",
        verbs=(INIT,),
    )
    node_name: str | None = setting(None, "Name of this node; the host name if not set.", verbs=(INIT, JOIN))
    patches: str | None = setting(None, "Directory with kubeadm patches.", verbs=(INIT, JOIN))
    pod_network_cidr: str | None = setting(None, "CIDR of the pod network.", verbs=(INIT,))
    service_cidr: str | None = setting(
        None, f"CIDR of Services. (kubeadm's default: {defaults.SERVICE_RANGE})", verbs=(INIT,)
    )
    service_dns_domain: str | None = setting(
        None, f"DNS domain of Services. (kubeadm's default: {defaults.SERVICE_DOMAIN})", verbs=(INIT,)
    )
    skip_certificate_key_print: bool = setting(False, "Do not print the certificate key.", verbs=(INIT,))
    skip_token_print: bool = setting(False, "Do not print the bootstrap token.", verbs=(INIT,))
    token: str | None = setting(
        None, "Bootstrap token, abcdef.0123456789abcdef.", verbs=(INIT, JOIN), secret=True
    )
    token_ttl: str | None = setting(
        None, "Lifetime of the token; 0 never expires. (kubeadm's default: 24h0m0s)", verbs=(INIT,)
    )
    upload_certs: bool = setting(
        False, "Upload the control plane certificates to the Secret kubeadm-certs.", verbs=(INIT,)
    )


@dataclass(frozen=True)
class ResetOptions:
    """Options of `edgeadm reset`, most of which are passed to `kubeadm reset`. Those with the name of a field
    of another verb have its value in a file, and its variable."""

    force: bool = setting(False, "Skip confirmation.", verbs=(RESET,), flags=("--force", "-f"))
    keep_node_object: bool = setting(False, "Do not delete the node from the cluster.", verbs=(RESET,))
    keep_logs: bool = setting(False, "Keep edgeadm's logs in /var/log/edgeadm.", verbs=(RESET,))
    cert_dir: str = setting(
        "", "Directory of the certificates; detected if not set.", verbs=(RESET,), metavar="DIR"
    )
    cri_socket: str = setting(
        "", "Socket of the container runtime; detected if not set.", verbs=(RESET,), metavar="PATH"
    )
    kubeconfig: str = setting("", "Passed to kubeadm reset.", verbs=(RESET,), metavar="FILE")
    cleanup_tmp_dir: bool = setting(False, "Passed to kubeadm reset.", verbs=(RESET,))
    ignore_preflight_errors: tuple[str, ...] = setting((), "Passed to kubeadm reset.", verbs=(RESET,))


@dataclass(frozen=True)
class JoinFlags:
    """What only a node that joins is asked: kubeadm's flags (cmd/kubeadm/app/cmd/join.go), then ours.

    Flags that `kubeadm init` has as well are in KubeadmFlags."""

    api_server_endpoint: str | None = setting(
        None,
        f"HOST:PORT of an API server of the cluster; the default port is {defaults.API_PORT}.",
        verbs=(JOIN,),
        argument="HOST:PORT",
    )
    control_plane: bool = setting(False, "Join this node as another control plane.", verbs=(JOIN,))
    discovery_token: str | None = setting(
        None, "Discovery token, if different from `--token`.", verbs=(JOIN,), secret=True
    )
    discovery_token_ca_cert_hash: tuple[str, ...] = setting(
        (), "CA public key hash (sha256:…), as printed by `edgeadm init`.", verbs=(JOIN,)
    )
    discovery_token_unsafe_skip_ca_verification: bool = setting(
        False, "Skip CA verification (insecure).", verbs=(JOIN,)
    )
    discovery_file: str | None = setting(
        None,
        "File or https URL of a kubeconfig with the cluster's CA, instead of token and hash.",
        verbs=(JOIN,),
    )
    tls_bootstrap_token: str | None = setting(
        None, "TLS bootstrap token, if different from `--token`.", verbs=(JOIN,), secret=True
    )
    lite_apiserver_port: int = setting(51003, "Port of lite-apiserver on this edge node.", verbs=(JOIN,))
    node_ip: str | None = setting(
        None, "IP address of this node; that of the default route if not set.", verbs=(JOIN,)
    )
    node_labels: tuple[str, ...] = setting((), "Labels for this node, key=value.", verbs=(JOIN,))
    register_with_taints: tuple[str, ...] = setting(
        (), "Taints for this node, key=value:Effect.", verbs=(JOIN,)
    )


@dataclass(frozen=True)
class AddonFlags:
    """What only `edgeadm addon` and `edgeadm detach` are asked. `flags` are the spellings that users know."""

    kubeconfig: str = setting(
        "",
        f"Kubeconfig of the cluster; KUBECONFIG, ~/.kube/config or {defaults.ADMIN_CONF} if not set.",
        verbs=(ADDON, DETACH, CERTS),
    )
    ca_cert: str = setting(
        "",
        f"Certificate of the cluster CA; {defaults.PKI}/ca.crt if not set.",
        verbs=(ADDON, CERTS),
        flags=("--ca.cert",),
    )
    ca_key: str = setting(
        "",
        f"Key of the cluster CA; {defaults.PKI}/ca.key if not set.",
        verbs=(ADDON, CERTS),
        flags=("--ca.key",),
    )
    master_public_addr: str = setting(
        "",
        "Address at which edge nodes reach the control plane; that of the kubeconfig if not set.",
        verbs=(ADDON,),
    )
    cert_sans: tuple[str, ...] = setting(
        (),
        "Additional names and addresses for the tunnel's certificate.",
        verbs=(ADDON,),
        flags=("--certSANs", "--cert-sans"),
    )
    force: bool = setting(
        False, "Detach even if the cluster contains edge nodes, grids or NodeUnits.", verbs=(DETACH,)
    )
    all_certificates: bool = setting(
        False, "Renew all certificates, not only those about to expire.", verbs=(CERTS,), flags=("--all",)
    )


@dataclass(frozen=True)
class Config:
    """Everything that a verb was asked for, complete and validated before the first phase."""

    install_pkg_path: str = setting(
        "", "Offline package: a file, a directory, or an http, https or ftp URL.", verbs=(INIT, JOIN, ADDON)
    )
    manifests_dir: str = setting(
        "",
        "Directory with files that replace edgeadm's templates of the same name.",
        verbs=(INIT, JOIN, ADDON),
        flags=("--manifests-dir", "--manifest-dir"),
    )
    values: str = setting("", "YAML file that maps component names to template values.", verbs=(INIT, ADDON))
    enable_edge: bool = setting(
        True, "Create an edge cluster; false creates a plain one.", verbs=(INIT, JOIN)
    )
    edge_version: str = setting("v0.9.0", "Version of the SuperEdge components.", verbs=(INIT, ADDON))
    edge_image_repository: str = setting(
        "superedge.tencentcloudcr.com/superedge", "Registry of the SuperEdge images.", verbs=(INIT, ADDON)
    )
    edge_virtual_addr: str = setting(
        "169.254.20.11",
        "Virtual address of lite-apiserver and DNS on each edge node.",
        verbs=(INIT, JOIN, ADDON),
    )
    tunnel_port: int = setting(30900, "NodePort of the tunnel's cloud side.", verbs=(INIT, ADDON))
    edge_health_voters: str = setting(
        ALL_VOTERS,
        "Voters on the health of edge nodes: `edge` = edge nodes only, `all` = cloud included.",
        verbs=(INIT, ADDON),
    )
    service_group: str = setting(
        "native",
        "Routing of ServiceGrids: `native` prefers the client's site, `strict` never leaves it.",
        verbs=(INIT, ADDON),
    )
    runtime: str = setting(
        "containerd", "Container runtime; current Kubernetes requires `containerd`.", verbs=(INIT, JOIN)
    )
    ignore_runtime: bool = setting(
        False, "Do not install or configure the container runtime.", verbs=(INIT, JOIN)
    )
    cni: str = setting("flannel", "Pod network: `flannel`, `none`, or a manifest file.", verbs=(INIT, JOIN))
    default_ha: str = setting(
        "none",
        "Manager of the control planes' virtual IP: `keepalived`, `kube-vip` or `none`.",
        verbs=(INIT,),
    )
    interface: str = setting(
        "", "Network interface of the virtual IP; that of the default route if not set.", verbs=(INIT, JOIN)
    )
    skip_phases: tuple[str, ...] = setting(
        (), "Phases to skip, edgeadm's or kubeadm's.", verbs=(INIT, JOIN, ADDON, DETACH, CERTS, RESET)
    )
    verbosity: int = 0
    verb: str = ""
    dry_run: bool = False
    kubeadm: KubeadmFlags = field(default_factory=KubeadmFlags)
    join: JoinFlags = field(default_factory=JoinFlags)
    addon: AddonFlags = field(default_factory=AddonFlags)
    kubeadm_documents: tuple[KubeadmDocument, ...] = ()
    reset: ResetOptions = field(default_factory=ResetOptions)

    def document(self, kind: str) -> KubeadmDocument:
        """The user's document of this kind, empty if there is none."""
        return next((each for each in self.kubeadm_documents if each.get("kind") == kind), {})

    @property
    def node_document(self) -> KubeadmDocument:
        """The user's document about this node: the JoinConfiguration of a `join`, else the
        InitConfiguration. A file may hold both, for different nodes."""
        return self.document("JoinConfiguration" if self.verb == "join" else "InitConfiguration")


NESTED = ("kubeadm", "join", "addon", "kubeadm_documents", "reset", "verbosity", "verb", "dry_run")


def own_settings() -> dict[str, Any]:
    """edgeadm's own fields by name."""
    return {each.name: each for each in fields(Config) if each.name not in NESTED}


def kubeadm_settings() -> dict[str, Any]:
    """kubeadm's fields by name."""
    return {each.name: each for each in fields(KubeadmFlags)}


def join_settings() -> dict[str, Any]:
    """The fields of nodes that join, by name."""
    return {each.name: each for each in fields(JoinFlags)}


def addon_settings() -> dict[str, Any]:
    """The fields of addons, by name."""
    return {each.name: each for each in fields(AddonFlags)}


def reset_settings() -> dict[str, Any]:
    """The fields of reset, by name."""
    return {each.name: each for each in fields(ResetOptions)}


def every_setting() -> dict[str, Any]:
    """All fields by name, whatever verb takes them: the keys of a file."""
    return reset_settings() | own_settings() | kubeadm_settings() | join_settings() | addon_settings()


def settings_of(verb: str) -> dict[str, Any]:
    """The fields that are options of the verb, by name."""
    groups = (join_settings(), addon_settings(), reset_settings(), own_settings(), kubeadm_settings())
    word = verb.partition(" ")[0]
    return {name: each for group in groups for name, each in group.items() if word in each.metadata["verbs"]}


def flag_of(name: str) -> str:
    """The flag of a field: install_pkg_path → --install-pkg-path."""
    return "--" + name.replace("_", "-")


def key_of(name: str) -> str:
    """The key of a field in the file: install_pkg_path → installPkgPath."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def variable_of(name: str) -> str:
    """The environment variable of a field: install_pkg_path → EDGEADM_INSTALL_PKG_PATH."""
    return f"EDGEADM_{name.upper()}"
