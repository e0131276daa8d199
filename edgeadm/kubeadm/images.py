"""The images that a node will be asked to run, compared with those that its package holds.

kubeadm's own list is `cmd/kubeadm/app/images/images.go` (GetControlPlaneImages); an end-to-end test compares
the names here with `kubeadm config images list`. kubeadm's built-in tags of CoreDNS, etcd and pause are those
of the package, which is made for its kubeadm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeadm.config import Config
from edgeadm.kubeadm.documents import cluster_document

REPOSITORY = "registry.k8s.io"
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
EDGE = (
    "tunnel",
    "application-grid-controller",
    "application-grid-wrapper",
    "edge-health",
    "edge-health-admission",
    "site-manager",
)


@dataclass(frozen=True)
class Compared:
    """`aliases` maps a wanted name to the package's image of the same name and tag from another registry.
    `others` maps a wanted name to the package's images that have another tag. Images in `absent` are in the
    package in no form and have to be pulled."""

    aliases: dict[str, str] = field(default_factory=dict)
    others: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def compare(wanted: Iterable[str], packed: Sequence[str]) -> Compared:
    """How the wanted names and those of the package differ; a name that the package has is not mentioned."""
    aliases, others, absent = {}, {}, []
    for name in wanted:
        same = tuple(each for each in packed if component(each) == component(name))
        like = next((each for each in same if tag(each) == tag(name)), "")
        if name in packed:
            continue
        if like:
            aliases[name] = like
        elif same:
            others[name] = same
        else:
            absent.append(name)
    return Compared(aliases, others, tuple(absent))


def component(image: str) -> str:
    """`kube-proxy` of registry.k8s.io/kube-proxy:v1.37.2."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def tag(image: str) -> str:
    """`v1.37.2` of registry.k8s.io/kube-proxy:v1.37.2."""
    return image.rpartition("/")[2].partition(":")[2]


def init_images(config: Config, kubernetes: str, packed: Sequence[str]) -> list[str]:
    """What the first control plane will run: kubeadm's images and, in an edge cluster, SuperEdge's.

    Whether the version that was asked for is the package's is another question: this is the package's."""
    cluster = cluster_document(config.kubeadm, config.kubeadm_documents, kubernetes)
    found = control_plane_images({**cluster, "kubernetesVersion": kubernetes}, packed)
    return found + (config_edge_images(config, packed) if config.enable_edge else [])


def config_edge_images(config: Config, packed: Sequence[str]) -> list[str]:
    """SuperEdge's images by the names that the configuration asks for."""
    return edge_images(config.edge_image_repository, config.edge_version, packed)


def control_plane_images(cluster: Mapping[str, Any], packed: Sequence[str]) -> list[str]:
    """What kubeadm asks for on a control plane, by a ClusterConfiguration."""
    found = [image for name in CONTROL_PLANE for image in _kubernetes(cluster, name, packed)]
    return [*found, *worker_images(cluster, packed), *_etcd(cluster, packed), *_pause(cluster, packed)]


def worker_images(cluster: Mapping[str, Any], packed: Sequence[str]) -> list[str]:
    """What of kubeadm's add-ons runs on every node: kube-proxy, and CoreDNS, unless they are disabled."""
    proxy = [] if _section(cluster, "proxy").get("disabled") else _kubernetes(cluster, "kube-proxy", packed)
    dns = _section(cluster, "dns")
    if dns.get("disabled"):
        return proxy
    repository = str(dns.get("imageRepository") or _repository(cluster))
    if repository == REPOSITORY:
        repository = f"{REPOSITORY}/coredns"
    return proxy + _named(repository, "coredns", dns.get("imageTag"), packed)


def edge_images(repository: str, version: str, packed: Sequence[str]) -> list[str]:
    """SuperEdge's images that the package has for this node, by the names that the cluster uses."""
    there = {component(each) for each in packed}
    return [f"{repository}/{name}:{version}" for name in EDGE if name in there]


def _etcd(cluster: Mapping[str, Any], packed: Sequence[str]) -> list[str]:
    etcd = _section(cluster, "etcd")
    if etcd.get("external"):
        return []
    local = _section(etcd, "local")
    repository = str(local.get("imageRepository") or _repository(cluster))
    return _named(repository, "etcd", local.get("imageTag"), packed)


def _pause(cluster: Mapping[str, Any], packed: Sequence[str]) -> list[str]:
    return _named(_repository(cluster), "pause", None, packed)


def _kubernetes(cluster: Mapping[str, Any], name: str, packed: Sequence[str]) -> list[str]:
    """An image whose tag is the version (kubeadm, KubernetesVersionToImageTag)."""
    version = str(cluster.get("kubernetesVersion") or "")
    text = re.sub(r"[^-a-zA-Z0-9_.]", "_", f"v{version.removeprefix('v')}") if version else None
    return _named(_repository(cluster), name, text, packed)


def _named(repository: str, name: str, given: object, packed: Sequence[str]) -> list[str]:
    wanted = str(given or _packed_tag(name, packed))
    return [f"{repository}/{name}:{wanted}"] if wanted else []


def _packed_tag(name: str, packed: Sequence[str]) -> str:
    return next((tag(each) for each in packed if component(each) == name), "")


def _repository(cluster: Mapping[str, Any]) -> str:
    return str(cluster.get("imageRepository") or REPOSITORY)


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}
