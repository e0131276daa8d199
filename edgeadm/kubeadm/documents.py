"""From the hub model to the YAML documents of one kubeadm configuration API."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgeadm.config.model import KubeadmDocument, KubeadmFlags
from edgeadm.config.secret import Secret, unmarked
from edgeadm.errors import ConfigError
from edgeadm.kubeadm import compat
from edgeadm.kubeadm.model import JoinModel, KubeadmModel

Document = dict[str, Any]
KUBELET = "kubelet.config.k8s.io/v1beta1"
KUBE_PROXY = "kubeproxy.config.k8s.io/v1alpha1"


def render(model: KubeadmModel, kubeadm: str) -> list[Document]:
    """The documents for this kubeadm, in the API of the user's own documents, if any.

    Raises ConfigError if this kubeadm does not read the user's API or they mix two.
    """
    api = api_of(model, kubeadm)
    documents = [
        _filled(model, api, "InitConfiguration", _init),
        _filled(model, api, "ClusterConfiguration", _cluster),
        _filled(model, KUBELET, "KubeletConfiguration", _kubelet),
        _filled(model, KUBE_PROXY, "KubeProxyConfiguration", _kube_proxy),
    ]
    known = {document["kind"] for document in documents}
    others = [each for each in model.documents if each["kind"] not in known]
    filled = [document for document in documents if len(document) > len(("apiVersion", "kind"))]
    return [unmarked(each) for each in (*filled, *others)]


def cluster_document(
    flags: KubeadmFlags, documents: tuple[KubeadmDocument, ...], kubernetes: str, *, packed: bool = False
) -> Document:
    """The user's ClusterConfiguration with the flags laid over it, as `render` gives it to kubeadm."""
    model = KubeadmModel(kubernetes, "", Secret(), flags, documents, packed=packed)
    return _filled(model, "", "ClusterConfiguration", _cluster)


def ignore(registration: Document, names: tuple[str, ...]) -> None:
    """Add names to the checks that kubeadm is to ignore; it refuses `all` next to names."""
    wanted = dict.fromkeys([*registration.get("ignorePreflightErrors", []), *names])
    if wanted:
        registration["ignorePreflightErrors"] = ["all"] if "all" in wanted else list(wanted)


def local_endpoint(document: Document, path: str, model: JoinModel | KubeadmModel) -> None:
    """Where this node's API server is; what the user gave goes before what edgeadm found."""
    default(document, f"{path}.advertiseAddress", model.advertise_address or None)
    put(document, f"{path}.advertiseAddress", model.flags.apiserver_advertise_address)
    default(document, f"{path}.bindPort", model.bind_port)
    put(document, f"{path}.bindPort", model.flags.apiserver_bind_port)


def extra_args(api: str, current: Any, added: tuple[tuple[str, str], ...]) -> Any:
    """kubelet or component arguments: a map up to v1beta3, a list of name and value from v1beta4 on.

    What the user gave stays; only names that are not there are added."""
    if is_before_v1beta4(api):
        return dict(added) | dict(current or {})
    given = list(current or [])
    names = {arg["name"] for arg in given}
    return given + [{"name": name, "value": value} for name, value in added if name not in names]


def api_of(model: KubeadmModel | JoinModel, kubeadm: str) -> str:
    """The API to write: that of the user's documents, else the one that this kubeadm writes."""
    refuse_unreadable(model.documents, kubeadm)
    theirs = (str(each["apiVersion"]) for each in model.documents)
    ours = (api for api in theirs if api.startswith("kubeadm.k8s.io/"))
    return next(ours, "") or compat.config_api(kubeadm)


def refuse_unreadable(documents: Sequence[Mapping[str, Any]], kubeadm: str) -> None:
    """Raises ConfigError if this kubeadm does not read the API of one of these documents, or if they mix two
    of its own. Documents of other groups are not kubeadm's: it passes over them."""
    theirs = {str(each["apiVersion"]) for each in documents}
    mixed = sorted(api for api in theirs if api.startswith("kubeadm.k8s.io/"))
    if len(mixed) > 1:
        raise ConfigError(
            f"the configuration mixes {' and '.join(mixed)}",
            hint="convert the documents to one version with `kubeadm config migrate`",
        )
    for api in sorted(theirs):
        if api.partition("/")[0] in compat.GROUPS and not compat.reads(kubeadm, api):
            raise ConfigError(f"kubeadm {kubeadm} does not read {api}", hint=_way_out(kubeadm, api))


def _way_out(kubeadm: str, api: str) -> str:
    steps = compat.migration(kubeadm, api)
    if not steps:
        return f"it reads {', '.join(each for each in compat.READS if compat.reads(kubeadm, each))}"
    ways = (f"`kubeadm config migrate` of kubeadm {a} to {b} writes {to}" for a, b, to in steps)
    return "; ".join(ways)


def _filled(
    model: KubeadmModel, api: str, kind: str, fill: Callable[[Document, KubeadmModel, str], None]
) -> Document:
    given = next((each for each in model.documents if each["kind"] == kind), {})
    document: Document = {"apiVersion": api, "kind": kind} | copy.deepcopy(dict(given))
    fill(document, model, api)
    return document


def _init(document: Document, model: KubeadmModel, api: str) -> None:
    flags = model.flags
    local_endpoint(document, "localAPIEndpoint", model)
    tokens = document.setdefault("bootstrapTokens", [{}])
    tokens[0].setdefault("token", model.token)
    if flags.token is not None:
        tokens[0]["token"] = flags.token
    if flags.token_ttl is not None:
        tokens[0]["ttl"] = flags.token_ttl
    put(
        document,
        "certificateKey",
        flags.certificate_key or document.get("certificateKey") or model.certificate_key,
    )
    put(document, "nodeRegistration.name", flags.node_name)
    default(document, "nodeRegistration.criSocket", model.cri_socket)
    put(document, "nodeRegistration.criSocket", flags.cri_socket)
    ignore(document["nodeRegistration"], model.ignore_preflight_errors)
    if model.kubelet_args:
        current = document["nodeRegistration"].get("kubeletExtraArgs")
        document["nodeRegistration"]["kubeletExtraArgs"] = extra_args(api, current, model.kubelet_args)
    if model.skip_phases:
        document["skipPhases"] = list(dict.fromkeys([*document.get("skipPhases", []), *model.skip_phases]))
    put(document, "patches.directory", model.patches or flags.patches)


def _cluster(document: Document, model: KubeadmModel, api: str) -> None:
    flags = model.flags
    default(document, "kubernetesVersion", model.kubernetes_version)
    put(
        document,
        "kubernetesVersion",
        flags.kubernetes_version and f"v{flags.kubernetes_version.removeprefix('v')}",
    )
    if model.packed and compat.label_fits(str(document["kubernetesVersion"]), model.kubernetes_version):
        document["kubernetesVersion"] = model.kubernetes_version
    put(document, "controlPlaneEndpoint", model.endpoint or flags.control_plane_endpoint)
    put(document, "imageRepository", flags.image_repository)
    put(document, "certificatesDir", flags.cert_dir)
    default(document, "networking.podSubnet", model.pod_subnet or None)
    put(document, "networking.podSubnet", flags.pod_network_cidr)
    put(document, "networking.serviceSubnet", flags.service_cidr)
    put(document, "networking.dnsDomain", flags.service_dns_domain)
    if flags.apiserver_cert_extra_sans:
        put(document, "apiServer.certSANs", list(flags.apiserver_cert_extra_sans))
    if flags.feature_gates:
        gates = dict(gate.split("=", 1) for gate in flags.feature_gates.split(","))
        put(document, "featureGates", {name: value.lower() == "true" for name, value in gates.items()})
    del api


def _kubelet(document: Document, model: KubeadmModel, api: str) -> None:
    del api
    default(document, "cgroupDriver", model.cgroup_driver)
    if model.tolerate_cgroup_v1:
        default(document, "failCgroupV1", False)


def _kube_proxy(document: Document, model: KubeadmModel, api: str) -> None:
    del api
    if model.fixed_conntrack:
        # The table's size belongs to the machine around this node: kube-proxy must not try to set it.
        default(document, "conntrack.maxPerCore", 0)
        default(document, "conntrack.min", 0)


def put(document: Document, path: str, value: Any) -> None:
    """Set the value at the dotted path; one that was not given leaves the document as it is."""
    if value is None or value == "":
        return
    *folders, last = path.split(".")
    for name in folders:
        document = document.setdefault(name, {})
    document[last] = value


def default(document: Document, path: str, value: Any) -> None:
    """Set the value at the dotted path if none is set."""
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if found is None:
        put(document, path, value)


def is_before_v1beta4(api: str) -> bool:
    """Whether arguments are maps in this API, and lists from the next one on."""
    return api.endswith(("v1beta2", "v1beta3"))
