"""Checks that the package contains the images that the node will run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgeadm.config import Config
from edgeadm.hosts import Host
from edgeadm.hosts.images import present
from edgeadm.kubeadm import compat
from edgeadm.kubeadm.documents import cluster_document
from edgeadm.kubeadm.images import EDGE, compare, component, init_images, tag
from edgeadm.preflight.check import Check, Finding
from edgeadm.preflight.subject import Subject

NAME = "ImagePull"  # kubeadm's own check of this name comes when everything is installed
SETTINGS = {"coredns": "`dns.imageTag`", "etcd": "`etcd.local.imageTag`"} | dict.fromkeys(
    EDGE, "`--edge-version`"
)


def _version(_host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if subject.package is None or not subject.package.manifest.kubernetes:
        return
    cluster = cluster_document(config.kubeadm, config.kubeadm_documents, subject.kubernetes, packed=True)
    wanted = str(cluster["kubernetesVersion"])
    if not compat.same_release(wanted, subject.kubernetes):
        given = config.kubeadm.kubernetes_version
        setting = "`--kubernetes-version`" if given else "`kubernetesVersion` in the configuration file"
        yield Finding(
            "KubernetesVersion",
            f"Kubernetes {wanted} was requested, but the package contains {subject.kubernetes}",
            f"use the package for that version, or omit {setting}",
        )


def _images(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    packed = subject.package.image_names() if subject.package else []
    if packed:
        wanted = init_images(config, subject.kubernetes, packed)
        found = compare(wanted, packed).others
        there = present(host) if found else {}
        yield from other_tags({name: same for name, same in found.items() if name not in there})


def other_tags(found: Mapping[str, tuple[str, ...]]) -> Iterable[Finding]:
    """One finding for each image that the package has with another tag only."""
    for name, same in found.items():
        setting = SETTINGS.get(component(name))
        yield Finding(
            NAME,
            f"{name} is required, but the package contains {', '.join(same)}",
            f"omit {setting}, or use a package that contains {component(name)} {tag(name)}"
            if setting
            else f"use a package that contains {component(name)} {tag(name)}",
        )


IMAGE_CHECKS = (
    Check("KubernetesVersion", "the requested version is in the package", _version),
    Check(NAME, "the images of kubeadm and the components are in the package", _images),
)
