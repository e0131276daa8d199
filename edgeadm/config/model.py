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


def setting(default: Any, text: str, **more: Any) -> Any:
    """A field with its help text; `secret` keeps its value out of everything that is shown."""
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True)
class KubeadmFlags:
    """`kubeadm init`'s own flags (cmd/kubeadm/app/cmd/init.go); names and defaults are kubeadm's."""

    apiserver_advertise_address: str | None = setting(
        None,
        "IP address that the API server advertises; that of the default interface if not set.",
    )
    apiserver_bind_port: int | None = setting(
        None, f"Port of the API server. (kubeadm's default: {defaults.API_PORT})"
    )
    apiserver_cert_extra_sans: tuple[str, ...] = setting(
        (), "Additional names and addresses for the API server's certificate."
    )
    cert_dir: str | None = setting(
        None, f"Directory of the certificates. (kubeadm's default: {defaults.PKI})"
    )
    certificate_key: str | None = setting(
        None, "Key that encrypts the control plane certificates in the Secret kubeadm-certs.", secret=True
    )
    control_plane_endpoint: str | None = setting(None, "Stable address or name of the control plane.")
    cri_socket: str | None = setting(None, "Socket of the container runtime; detected if not set.")
    feature_gates: str | None = setting(None, "kubeadm feature gates, key=value.")
    ignore_preflight_errors: tuple[str, ...] = setting(
        (), "Preflight checks to report as warnings, such as Swap,NumCPU; `all` for every check."
    )
    image_repository: str | None = setting(
        None, "Registry of the control plane images. (kubeadm's default: registry.k8s.io)"
    )
    kubernetes_version: str | None = setting(
        None, "Kubernetes version of the control plane; that of the package or the kubeadm binary if not set."
    )
    node_name: str | None = setting(None, "Name of this node; the host name if not set.")
    patches: str | None = setting(None, "Directory with kubeadm patches.")
    pod_network_cidr: str | None = setting(None, "CIDR of the pod network.")
    service_cidr: str | None = setting(
        None, f"CIDR of Services. (kubeadm's default: {defaults.SERVICE_RANGE})"
    )
    service_dns_domain: str | None = setting(
        None, f"DNS domain of Services. (kubeadm's default: {defaults.SERVICE_DOMAIN})"
    )
    skip_certificate_key_print: bool = setting(False, "Do not print the certificate key.")
    skip_token_print: bool = setting(False, "Do not print the bootstrap token.")
    token: str | None = setting(None, "Bootstrap token, abcdef.0123456789abcdef.", secret=True)
    token_ttl: str | None = setting(
        None, "Lifetime of the token; 0 never expires. (kubeadm's default: 24h0m0s)"
    )
    upload_certs: bool = setting(False, "Upload the control plane certificates to the Secret kubeadm-certs.")


@dataclass(frozen=True)
class ResetOptions:
    """What `edgeadm reset` was asked for; most of it is passed to kubeadm."""

    keep_node_object: bool = False
    cert_dir: str = ""
    cri_socket: str = ""
    ignore_preflight_errors: tuple[str, ...] = ()
    kubeconfig: str = ""
    cleanup_tmp_dir: bool = False
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class JoinFlags:
    """What only a node that joins is asked: kubeadm's flags (cmd/kubeadm/app/cmd/join.go), then ours.

    Flags that `kubeadm init` has as well are in KubeadmFlags."""

    api_server_endpoint: str | None = setting(
        None,
        f"HOST:PORT of an API server of the cluster; the default port is {defaults.API_PORT}.",
        argument="HOST:PORT",
    )
    control_plane: bool = setting(False, "Join this node as another control plane.")
    discovery_token: str | None = setting(None, "Discovery token, if different from `--token`.", secret=True)
    discovery_token_ca_cert_hash: tuple[str, ...] = setting(
        (), "CA public key hash (sha256:…), as printed by `edgeadm init`."
    )
    discovery_token_unsafe_skip_ca_verification: bool = setting(False, "Skip CA verification (insecure).")
    discovery_file: str | None = setting(
        None,
        "File or https URL of a kubeconfig with the cluster's CA, instead of token and hash.",
    )
    tls_bootstrap_token: str | None = setting(
        None, "TLS bootstrap token, if different from `--token`.", secret=True
    )
    lite_apiserver_port: int = setting(51003, "Port of lite-apiserver on this edge node.")
    node_ip: str | None = setting(None, "IP address of this node; that of the default route if not set.")
    node_labels: tuple[str, ...] = setting((), "Labels for this node, key=value.")
    register_with_taints: tuple[str, ...] = setting((), "Taints for this node, key=value:Effect.")


@dataclass(frozen=True)
class AddonFlags:
    """What only `edgeadm addon` and `edgeadm detach` are asked. `flags` are the spellings that users know."""

    kubeconfig: str = setting(
        "",
        f"Kubeconfig of the cluster; KUBECONFIG, ~/.kube/config or {defaults.ADMIN_CONF} if not set.",
    )
    ca_cert: str = setting(
        "", f"Certificate of the cluster CA; {defaults.PKI}/ca.crt if not set.", flags=("--ca.cert",)
    )
    ca_key: str = setting(
        "", f"Key of the cluster CA; {defaults.PKI}/ca.key if not set.", flags=("--ca.key",)
    )
    master_public_addr: str = setting(
        "", "Address at which edge nodes reach the control plane; that of the kubeconfig if not set."
    )
    cert_sans: tuple[str, ...] = setting(
        (),
        "Additional names and addresses for the tunnel's certificate.",
        flags=("--certSANs", "--cert-sans"),
    )
    force: bool = setting(False, "Detach even if the cluster contains edge nodes, grids or NodeUnits.")
    all_certificates: bool = setting(
        False, "Renew all certificates, not only those about to expire.", flags=("--all",)
    )


@dataclass(frozen=True)
class Config:
    """Everything that a verb was asked for, complete and validated before the first phase."""

    install_pkg_path: str = setting("", "Offline package: a file, a directory, or an http, https or ftp URL.")
    manifests_dir: str = setting(
        "",
        "Directory with files that replace edgeadm's templates of the same name.",
        flags=("--manifests-dir", "--manifest-dir"),
    )
    values: str = setting("", "YAML file that maps component names to template values.")
    enable_edge: bool = setting(True, "Create an edge cluster; false creates a plain one.")
    edge_version: str = setting("v0.9.0", "Version of the SuperEdge components.")
    edge_image_repository: str = setting(
        "superedge.tencentcloudcr.com/superedge", "Registry of the SuperEdge images."
    )
    edge_virtual_addr: str = setting(
        "169.254.20.11", "Virtual address of lite-apiserver and DNS on each edge node."
    )
    tunnel_port: int = setting(30900, "NodePort of the tunnel's cloud side.")
    edge_health_voters: str = setting(
        ALL_VOTERS, "Voters on the health of edge nodes: `edge` = edge nodes only, `all` = cloud included."
    )
    service_group: str = setting(
        "native",
        "Routing of ServiceGrids: `native` prefers the client's site, `strict` never leaves it.",
    )
    runtime: str = setting("containerd", "Container runtime; current Kubernetes requires `containerd`.")
    ignore_runtime: bool = setting(False, "Do not install or configure the container runtime.")
    cni: str = setting("flannel", "Pod network: `flannel`, `none`, or a manifest file.")
    default_ha: str = setting(
        "none", "Manager of the control planes' virtual IP: `keepalived`, `kube-vip` or `none`."
    )
    interface: str = setting("", "Network interface of the virtual IP; that of the default route if not set.")
    skip_phases: tuple[str, ...] = setting((), "Phases to skip, edgeadm's or kubeadm's.")
    verbosity: int = 0
    verb: str = ""
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


NESTED = ("kubeadm", "join", "addon", "kubeadm_documents", "reset", "verbosity", "verb")
# Those of the settings above that `edgeadm join` takes as well.
JOIN_OWN = (
    "install_pkg_path",
    "manifests_dir",
    "enable_edge",
    "edge_virtual_addr",
    "runtime",
    "ignore_runtime",
    "cni",
    "interface",
    "skip_phases",
)
JOIN_KUBEADM = (
    "apiserver_advertise_address",
    "apiserver_bind_port",
    "certificate_key",
    "cri_socket",
    "ignore_preflight_errors",
    "node_name",
    "patches",
    "token",
)

# Those of the settings above that `edgeadm addon` takes as well, and `edgeadm detach`.
ADDON_OWN = (
    "manifests_dir",
    "values",
    "edge_version",
    "edge_image_repository",
    "edge_virtual_addr",
    "tunnel_port",
    "edge_health_voters",
    "service_group",
    "install_pkg_path",
    "skip_phases",
)
DETACH_OWN = ("skip_phases",)
DETACH_ADDON = ("kubeconfig", "force")
CERTS_ADDON = ("kubeconfig", "ca_cert", "ca_key", "all_certificates")


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


def every_setting() -> dict[str, Any]:
    """All fields by name, whatever verb takes them: the keys of a file."""
    return own_settings() | kubeadm_settings() | join_settings() | addon_settings()


def settings_of(verb: str) -> dict[str, Any]:
    """The fields that are flags of the verb, by name."""
    own, kubeadm, addon = own_settings(), kubeadm_settings(), addon_settings()
    if verb.startswith("addon "):
        addon = {name: each for name, each in addon.items() if name not in ("force", "all_certificates")}
        return addon | {name: own[name] for name in ADDON_OWN}
    if verb.startswith("certs "):
        return {name: addon[name] for name in CERTS_ADDON} | {name: own[name] for name in DETACH_OWN}
    if verb.startswith("detach "):
        return {name: addon[name] for name in DETACH_ADDON} | {name: own[name] for name in DETACH_OWN}
    if verb != "join":
        return own | kubeadm
    own = {name: own[name] for name in JOIN_OWN}
    return join_settings() | own | {name: kubeadm[name] for name in JOIN_KUBEADM}


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
