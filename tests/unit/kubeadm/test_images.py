"""The images that a node will be asked to run, and how they differ from those of a package."""

from __future__ import annotations

from typing import Any

import pytest

from edgeadm.config import Config
from edgeadm.config.model import KubeadmFlags
from edgeadm.kubeadm import compat, images
from edgeadm.kubeadm.documents import cluster_document

PACKED = [
    *(f"registry.k8s.io/{name}:v1.37.2" for name in (*images.CONTROL_PLANE, "kube-proxy")),
    "registry.k8s.io/coredns/coredns:v1.14.6",
    "registry.k8s.io/etcd:3.7.0-0",
    "registry.k8s.io/pause:3.10.2",
    "superedge.tencentcloudcr.com/superedge/tunnel:v0.9.0",
    "edgeadm.io/approver:v1.0.0",
]
OF_KUBEADM = set(PACKED[:7])
MIRROR = "superedge.tencentcloudcr.com/superedge"


def config(settings: dict[str, Any] | None = None, **more: Any) -> Config:
    document = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", **(settings or {})}
    return Config(kubeadm_documents=(document,), **more)


def wanted(settings: dict[str, Any] | None = None, **more: Any) -> images.Compared:
    return images.compare(images.init_images(config(settings, **more), "v1.37.2", PACKED), PACKED)


def test_by_default_the_images_are_those_of_the_package() -> None:
    assert set(images.init_images(config(enable_edge=False), "v1.37.2", PACKED)) == OF_KUBEADM
    assert wanted() == images.Compared()


@pytest.mark.parametrize("by_flag", [True, False])
def test_another_registry_is_another_name(by_flag: bool) -> None:
    flags = KubeadmFlags(image_repository=MIRROR) if by_flag else KubeadmFlags()
    found = wanted({} if by_flag else {"imageRepository": MIRROR}, kubeadm=flags)
    assert found.aliases == {f"{MIRROR}/{each.rpartition('/')[2]}": each for each in OF_KUBEADM}
    assert (found.others, found.absent) == ({}, ())


def test_the_flag_wins_over_the_document() -> None:
    found = wanted({"imageRepository": "registry.example"}, kubeadm=KubeadmFlags(image_repository=MIRROR))
    assert all(name.startswith(MIRROR) for name in found.aliases)


@pytest.mark.parametrize(
    ("settings", "other"),
    [
        ({"dns": {"imageTag": "v1.9.3"}}, "registry.k8s.io/coredns/coredns:v1.9.3"),
        ({"dns": {"imageTag": "v1.9.3", "imageRepository": "r.example/dns"}}, "r.example/dns/coredns:v1.9.3"),
        ({"etcd": {"local": {"imageTag": "3.5.1-0"}}}, "registry.k8s.io/etcd:3.5.1-0"),
    ],
)
def test_another_tag_is_another_image(settings: dict[str, Any], other: str) -> None:
    found = wanted(settings)
    assert list(found.others) == [other]
    assert found.others[other] == tuple(each for each in PACKED if images.component(each) in other)
    assert found.aliases == {}


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"etcd": {"external": {"endpoints": ["https://192.0.2.1:2379"]}}}, "etcd"),
        ({"dns": {"disabled": True}}, "coredns"),
        ({"proxy": {"disabled": True}}, "kube-proxy"),
    ],
)
def test_what_the_cluster_does_without_is_not_asked_for(settings: dict[str, Any], gone: str) -> None:
    found = images.init_images(config(settings, enable_edge=False), "v1.37.2", PACKED)
    assert set(found) == {each for each in OF_KUBEADM if images.component(each) != gone}


@pytest.mark.parametrize("empty", [None, "", [], 7])
def test_empty_and_broken_sections_count_as_absent(empty: object) -> None:
    settings = dict.fromkeys(("dns", "etcd", "proxy"), empty)
    assert set(images.init_images(config(settings, enable_edge=False), "v1.37.2", PACKED)) == OF_KUBEADM


def test_superedges_images_follow_their_own_flags() -> None:
    assert wanted(edge_image_repository="r.example").aliases == {"r.example/tunnel:v0.9.0": PACKED[-2]}
    assert list(wanted(edge_version="v0.9.1").others) == [f"{MIRROR}/tunnel:v0.9.1"]
    assert wanted(edge_version="v0.9.1", enable_edge=False) == images.Compared()


def test_an_image_that_the_package_has_in_no_form_has_to_be_pulled() -> None:
    assert images.compare(["registry.example/cni:1"], PACKED).absent == ("registry.example/cni:1",)


def test_a_registry_with_a_port_and_a_digest_are_no_tags() -> None:
    assert images.component("registry.example:5000/kube-proxy:v1") == "kube-proxy"
    assert images.tag("registry.example:5000/kube-proxy:v1") == "v1"
    assert images.tag("registry.example:5000/kube-proxy") == ""
    assert images.component("registry.example/kube-proxy@sha256:00") == "kube-proxy"


def test_a_vendors_version_is_a_tag_as_kubeadm_writes_it() -> None:
    packed = ["registry.k8s.io/kube-proxy:v1.37.2_edge.1"]
    assert images.worker_images({"kubernetesVersion": "1.37.2+edge.1"}, packed) == packed


@pytest.mark.parametrize(
    "label", ["stable", "latest", "stable-1", "stable-1.37", "latest-1.37", "release/stable-1"]
)
def test_a_label_means_the_packages_version(label: str) -> None:
    document = config({"kubernetesVersion": label}).kubeadm_documents
    assert compat.label_fits(label, "v1.37.2")
    assert (
        cluster_document(KubeadmFlags(), document, "v1.37.2", packed=True)["kubernetesVersion"] == "v1.37.2"
    )
    assert cluster_document(KubeadmFlags(), document, "v1.37.2")["kubernetesVersion"] == label


@pytest.mark.parametrize("label", ["stable-1.36", "stable-2", "ci/latest", "v1.37.2", "1.37", "stable-"])
def test_other_labels_do_not(label: str) -> None:
    assert not compat.label_fits(label, "v1.37.2")
