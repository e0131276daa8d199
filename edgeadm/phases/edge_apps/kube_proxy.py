"""kube-proxy for edge nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from edgeadm import pki, yaml_text
from edgeadm.apps.facts import NAMESPACE, image
from edgeadm.apps.service_group import STRICT, cluster_version, own_image
from edgeadm.apps.workloads import is_noticed, workload
from edgeadm.cluster import Awaited
from edgeadm.config.address import HostPort
from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError
from edgeadm.kubeadm import compat
from edgeadm.phases.edge_apps.mirrored import Mirrored

NAME = "edge-kube-proxy"
SYSTEM = "kube-system"
CLOUD = "kube-proxy"  # the DaemonSet, its container and its ConfigMap, as kubeadm names all three
CONFIG = "config.conf"
GATE = "WatchListClient"
HEALTH_PORT = 10256  # kube-proxy's default
# Used by clients of a kube-proxy that listens on all addresses, independent of the link.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  nothing is bound here


class StrictServiceGroupError(EdgeadmError):
    """Strict service groups were requested, but are not possible in this cluster or with this package."""

    code = "no-strict-service-group"
    exit_code = 2


@dataclass(frozen=True)
class KubeProxy(Mirrored):
    """kube-proxy for edge nodes: the cluster's own with its settings, but connected to the node's
    lite-apiserver, so that Services work after an offline restart. It reaches lite-apiserver at the ClusterIP
    of the Service `kubernetes`, which each edge node redirects, with any port. With `--service-group strict`
    it gets only the endpoints of its own site."""

    name: str = "kube-proxy"
    summary: str = "install kube-proxy for edge nodes, connected to lite-apiserver"
    template: str = "addons/edge-kube-proxy.yaml"
    awaited: tuple[Awaited, ...] = (
        workload(f"the controller has observed DaemonSet {NAME}", "DaemonSet", NAME, is_noticed),
    )
    original: ClassVar[tuple[str, str]] = (SYSTEM, CLOUD)
    container: ClassVar[str] = CLOUD
    program: ClassVar[str] = "kube-proxy"
    without: ClassVar[str] = "none is installed for edge nodes"

    def values(self, ctx: Context) -> dict[str, Any]:
        strict = ctx.config.service_group == STRICT
        config = _config(ctx, "/var/lib/kube-proxy/kubeconfig.conf" if strict else "")
        if strict:
            _refuse_where_impossible(ctx, config)
        text = _dump(config)
        host, port = _health(config)
        return {
            "namespace": NAMESPACE,
            "proxy_image": self.image(ctx),
            "config": text,
            "health_host": host,
            "health_port": port,
            "live_path": compat.kube_proxy_alive(cluster_version(ctx)),
            "strict": strict,
            "wrapper_image": image(ctx, "application-grid-wrapper"),
            "splitter_image": own_image(ctx, "DaemonSet", NAME),
            # What Pods read only once, by name: another name makes other Pods.
            "reads": pki.fingerprint(text.encode()),
        }


def _config(ctx: Context, kubeconfig: str) -> dict[str, Any]:
    """The cluster's settings, but for the way to the API. Lists are asked for as lists: lite-apiserver keeps
    no others."""

    kept = ctx.connect().get("v1", "ConfigMap", CLOUD, SYSTEM) or {}
    config: dict[str, Any] = yaml_text.load((kept.get("data") or {}).get(CONFIG) or "{}") or {}
    config.setdefault("apiVersion", "kubeproxy.config.k8s.io/v1alpha1")
    config.setdefault("kind", "KubeProxyConfiguration")
    connection = config.get("clientConnection") or {}
    config["clientConnection"] = connection | {"kubeconfig": kubeconfig}
    if compat.knows_watch_list_client(cluster_version(ctx)):
        config["featureGates"] = (config.get("featureGates") or {}) | {GATE: False}
    return config


def _health(config: dict[str, Any]) -> tuple[str, int]:
    """Where kube-proxy answers for its health, filled in as it does itself."""
    everywhere = "::" if ":" in str(config.get("bindAddress") or "") else "0.0.0.0"  # noqa: S104
    text = str(config.get("healthzBindAddress") or everywhere)
    address = HostPort.parse(text, HEALTH_PORT)
    return LOOPBACK.get(address.host, address.host), address.port


def _dump(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=True)


def _refuse_where_impossible(ctx: Context, config: dict[str, Any]) -> None:
    if config.get("mode") == "ipvs":
        raise StrictServiceGroupError(
            "--service-group: application-grid-wrapper does not support the kube-proxy mode `ipvs`",
            hint="omit the flag, or set the mode `iptables` in the ConfigMap kube-system/kube-proxy",
        )
    if not own_image(ctx, "DaemonSet", NAME):
        raise StrictServiceGroupError(
            "--service-group: `strict` requires a binary that only packages contain",
            hint="pass `--install-pkg-path`",
        )
