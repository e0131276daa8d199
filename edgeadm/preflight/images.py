"""Checks that the package contains the images that the node will run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgeadm.checks.engine import Check, Outcome, failed
from edgeadm.hosts.images import present
from edgeadm.kubeadm import compat
from edgeadm.kubeadm.documents import cluster_document
from edgeadm.kubeadm.images import EDGE, compare, component, init_images, tag
from edgeadm.preflight.subject import Subject

GROUP = "images"
CODE = "ImagePull"  # kubeadm's own check of this name comes when everything is installed
SETTINGS = {"coredns": "`dns.imageTag`", "etcd": "`etcd.local.imageTag`"} | dict.fromkeys(
    EDGE, "`--edge-version`"
)


def _version(subject: Subject) -> Iterable[Outcome]:
    if subject.package is None or not subject.package.manifest.kubernetes:
        return
    cluster = cluster_document(
        subject.config.kubeadm, subject.config.kubeadm_documents, subject.kubernetes, packed=True
    )
    wanted = str(cluster["kubernetesVersion"])
    if not compat.same_release(wanted, subject.kubernetes):
        given = subject.config.kubeadm.kubernetes_version
        setting = "`--kubernetes-version`" if given else "`kubernetesVersion` in the configuration file"
        yield failed(
            f"Kubernetes {wanted} was requested, but the package contains {subject.kubernetes}",
            f"use the package for that version, or omit {setting}",
        )


def _images(subject: Subject) -> Iterable[Outcome]:
    packed = subject.package.image_names() if subject.package else []
    if packed:
        wanted = init_images(subject.config, subject.kubernetes, packed)
        found = compare(wanted, packed).others
        there = present(subject.host) if found else {}
        yield from _other_tags({name: same for name, same in found.items() if name not in there})


def _other_tags(found: Mapping[str, tuple[str, ...]]) -> Iterable[Outcome]:
    """One failure for each image that the package has with another tag only."""
    for name, same in found.items():
        setting = SETTINGS.get(component(name))
        yield failed(
            f"{name} is required, but the package contains {', '.join(same)}",
            f"omit {setting}, or use a package that contains {component(name)} {tag(name)}"
            if setting
            else f"use a package that contains {component(name)} {tag(name)}",
        )


IMAGE_CHECKS = (
    Check("KubernetesVersion", GROUP, "the requested version is in the package", _version),
    Check(CODE, GROUP, "the images of kubeadm and the components are in the package", _images),
)
# Its subject: required image → the images of the package that are the same but for their tag.
TAGS = Check(CODE, GROUP, "the package contains the images with the required tags", _other_tags)
