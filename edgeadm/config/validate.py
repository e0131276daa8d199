"""Validates a Config by itself; preflight compares it with the host."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from edgeadm.config.control_plane import KEEPALIVED, KINDS, KUBE_VIP, NONE, virtual_ip
from edgeadm.config.model import ALL_VOTERS, EDGE_VOTERS, Config, flag_of
from edgeadm.config.ranges import FLAGS, Network, given_network, pod_ranges, service_ranges
from edgeadm.config.service_group import KINDS as SERVICE_GROUPS
from edgeadm.config.texts import TOKEN, is_address, is_domain, is_endpoint, is_range
from edgeadm.config.validate_join import join_faults
from edgeadm.errors import ConfigError

DURATION = re.compile(r"0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+")
CERTIFICATE_KEY = re.compile(r"[0-9a-f]{64}")
VERSION = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+([-+].+)?")
LARGEST_SERVICE_BITS = 20
NODE_PORTS = range(30000, 32768)  # kube-apiserver's default for --service-node-port-range


def validate(config: Config, verb: str = "init") -> None:
    """Raises ConfigError that names every fault at once, those of the verb included."""
    faults = [*find_faults(config, verb), *(join_faults(config) if verb == "join" else ())]
    if faults:
        message = faults[0] if len(faults) == 1 else f"{len(faults)} invalid values"
        raise ConfigError(
            message,
            context="" if len(faults) == 1 else "\n".join(faults),
            hint=f"see `edgeadm {verb} --help` and `edgeadm config print`",
        )


def find_faults(config: Config, verb: str = "init") -> Iterator[str]:
    """Each fault as one line that names the flag, or the key of kubeadm's document."""
    yield from _edgeadm_faults(config)
    yield from _edge_app_faults(config)
    yield from _address_faults(config)
    yield from _range_faults(config, verb)
    yield from _text_faults(config)


def _edgeadm_faults(config: Config) -> Iterator[str]:
    if config.runtime != "containerd":
        yield f"--runtime: `{config.runtime}` is not supported by current Kubernetes; use containerd"
    if config.default_ha not in KINDS:
        yield f"--default-ha: `{config.default_ha}` is not one of {', '.join(KINDS)}"
    if config.cni not in ("flannel", "none") and not Path(config.cni).is_file():
        yield f"--cni: `{config.cni}` is neither `flannel`, `none`, nor a file"
    if config.manifests_dir and not Path(config.manifests_dir).is_dir():
        yield f"--manifests-dir: `{config.manifests_dir}` is not a directory"
    if config.values and not Path(config.values).is_file():
        yield f"--values: `{config.values}` is not a file"
    if config.install_pkg_path.startswith("<"):
        yield "--install-pkg-path: replace the placeholder in angle brackets with the path of your package"
    if not VERSION.fullmatch(config.edge_version):
        yield f"--edge-version: `{config.edge_version}` is not a version"
    if config.default_ha in KINDS:
        yield from _virtual_ip_faults(config)


def _virtual_ip_faults(config: Config) -> Iterator[str]:
    shared = virtual_ip(config)
    if config.default_ha != NONE and shared is None:
        yield "--default-ha: a virtual IP requires `--control-plane-endpoint`"
    if shared is None:
        return
    if not is_address(shared.address):
        yield (
            f"--control-plane-endpoint: `{shared.address}` is a name, but {shared.kind} requires an IP "
            "address; pass the address, or `--default-ha none` if another program holds it"
        )
    elif shared.address == config.kubeadm.apiserver_advertise_address:
        yield (
            f"--control-plane-endpoint: {shared.address} is this node's own address; the virtual IP must be "
            "unused"
        )
    same = shared.port == shared.bind_port
    if shared.kind == KEEPALIVED and same:
        yield (
            f"--apiserver-bind-port: {shared.bind_port} is reserved for haproxy, which listens on the "
            "endpoint's port on every control plane; omit the flag"
        )
    if shared.kind == KUBE_VIP and not same:
        yield (
            f"--apiserver-bind-port: {shared.bind_port} must equal the endpoint's port {shared.port}, "
            "because kube-vip moves only the address"
        )


def _edge_app_faults(config: Config) -> Iterator[str]:
    if config.tunnel_port not in NODE_PORTS:
        yield f"--tunnel-port: {config.tunnel_port} is not in {NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
    if config.edge_health_voters not in (EDGE_VOTERS, ALL_VOTERS):
        yield f"--edge-health-voters: `{config.edge_health_voters}` is neither {EDGE_VOTERS} nor {ALL_VOTERS}"
    if config.service_group not in SERVICE_GROUPS:
        yield f"--service-group: `{config.service_group}` is not one of {', '.join(SERVICE_GROUPS)}"
    public = config.addon.master_public_addr
    if public and not is_endpoint(public):
        yield f"--master-public-addr: `{public}` is not HOST or HOST:PORT"
    for san in config.addon.cert_sans:
        if not is_address(san) and not is_domain(san.removeprefix("*.")):
            yield f"--certSANs: `{san}` is neither an address nor a name"


def _address_faults(config: Config) -> Iterator[str]:
    flags = config.kubeadm
    for name, value in (
        ("edge_virtual_addr", config.edge_virtual_addr),
        ("apiserver_advertise_address", flags.apiserver_advertise_address),
    ):
        if value is not None and not is_address(value):
            yield f"{flag_of(name)}: `{value}` is not an IP address"
    if flags.apiserver_advertise_address in ("0.0.0.0", "127.0.0.1", "::", "::1"):  # noqa: S104
        yield "--apiserver-advertise-address: other nodes cannot reach that address"
    if flags.apiserver_bind_port is not None and not 0 < flags.apiserver_bind_port < 1 << 16:
        yield f"--apiserver-bind-port: {flags.apiserver_bind_port} is not a port"
    if flags.control_plane_endpoint is not None and not is_endpoint(flags.control_plane_endpoint):
        yield f"--control-plane-endpoint: `{flags.control_plane_endpoint}` is not HOST or HOST:PORT"
    for san in flags.apiserver_cert_extra_sans:
        if not is_address(san) and not is_domain(san.removeprefix("*.")):
            yield f"--apiserver-cert-extra-sans: `{san}` is neither an address nor a name"


def _range_faults(config: Config, verb: str) -> Iterator[str]:
    """Defaults count for `init` alone: nodes that join, and addons, take the ranges of their cluster."""
    found: dict[str, tuple[Network, ...]] = {}
    for key, resolve in (("podSubnet", pod_ranges), ("serviceSubnet", service_ranges)):
        bad = [part for part in _parts(config, key) if not is_range(part)]
        yield from (f"{_named(config, key)}: `{part}` is not a range such as 192.168.0.0/16" for part in bad)
        counts = verb == "init" or given_network(config, key)
        found[key] = resolve(config) if counts and not bad else ()
    pods, services = found["podSubnet"], found["serviceSubnet"]
    for pod, service in product(pods, services):
        if pod.version == service.version and pod.overlaps(service):
            yield _overlap(config, pod, service)
    for service in services:
        if service.max_prefixlen - service.prefixlen > LARGEST_SERVICE_BITS:
            name = _named(config, "serviceSubnet")
            yield f"{name}: {service} has more than {LARGEST_SERVICE_BITS} bits of addresses"
    if is_address(config.edge_virtual_addr):
        virtual = ipaddress.ip_address(config.edge_virtual_addr)
        for key, ranges in found.items():
            for each in ranges:
                if virtual in each:
                    yield f"--edge-virtual-addr: {virtual} is in {_named(config, key)} {each}"


def _parts(config: Config, key: str) -> list[str]:
    """The single ranges that the user gave. A flag without a value counts as one, which is invalid."""
    given = given_network(config, key)
    return given.split(",") if given or getattr(config.kubeadm, FLAGS[key]) is not None else []


def _overlap(config: Config, pod: Network, service: Network) -> str:
    if given_network(config, "podSubnet"):
        return f"{_named(config, 'podSubnet')}: {pod} overlaps the Service range {service}"
    return f"{_named(config, 'serviceSubnet')}: {service} overlaps {pod}, flannel's default range of Pods"


def _named(config: Config, key: str) -> str:
    """The place where the user gave a range; the flag if it is a default."""
    flag = getattr(config.kubeadm, FLAGS[key])
    given = given_network(config, key)
    return f"networking.{key} of the ClusterConfiguration" if given and not flag else flag_of(FLAGS[key])


def _text_faults(config: Config) -> Iterator[str]:
    flags = config.kubeadm
    if flags.token is not None and not TOKEN.fullmatch(flags.token):
        yield "--token: not of the form abcdef.0123456789abcdef"
    if flags.token_ttl is not None and not DURATION.fullmatch(flags.token_ttl):
        yield f"--token-ttl: `{flags.token_ttl}` is not a duration such as 24h0m0s"
    if flags.certificate_key is not None and not CERTIFICATE_KEY.fullmatch(flags.certificate_key):
        yield "--certificate-key: not 32 bytes in hexadecimal"
    if flags.kubernetes_version is not None and not VERSION.fullmatch(flags.kubernetes_version):
        yield f"--kubernetes-version: `{flags.kubernetes_version}` is not a release such as v1.34.4"
    if flags.node_name is not None and not is_domain(flags.node_name):
        yield f"--node-name: `{flags.node_name}` is not a lower-case DNS name"
    if flags.service_dns_domain is not None and not is_domain(flags.service_dns_domain):
        yield f"--service-dns-domain: `{flags.service_dns_domain}` is not a DNS name"
    if flags.cri_socket is not None and not flags.cri_socket.removeprefix("unix://").startswith("/"):
        yield f"--cri-socket: `{flags.cri_socket}` is not the path of a socket"
    if flags.patches is not None and not Path(flags.patches).is_dir():
        yield f"--patches: `{flags.patches}` is not a directory"
    if flags.feature_gates and not all("=" in gate for gate in flags.feature_gates.split(",")):
        yield f"--feature-gates: `{flags.feature_gates}` is not of the form Name=true,Other=false"
