from __future__ import annotations

import pytest

from edgeadm.errors import UnsupportedVersionError
from edgeadm.kubeadm import compat


@pytest.mark.parametrize(
    ("version", "api"),
    [
        ("v1.22.0", "v1beta3"),
        ("v1.30.14", "v1beta3"),
        ("v1.31.0-rc.1", "v1beta4"),
        ("v1.34.4", "v1beta4"),
        ("1.40.2", "v1beta4"),
    ],
)
def test_the_api_follows_the_kubeadm_binary(version: str, api: str) -> None:
    assert compat.config_api(version) == f"kubeadm.k8s.io/{api}"


def test_too_old_names_the_way_out() -> None:
    with pytest.raises(UnsupportedVersionError) as caught:
        compat.config_api("v1.21.14")
    assert "1.22 and newer" in caught.value.hint


@pytest.mark.parametrize(
    ("version", "api", "read"),
    [
        ("v1.34.4", "v1beta3", True),
        ("v1.34.4", "v1beta2", False),
        ("v1.30.1", "v1beta4", False),
        ("v1.22.6", "v1beta2", True),
        ("v1.34.4", "v9", False),
    ],
)
def test_which_documents_a_kubeadm_reads(version: str, api: str, read: bool) -> None:
    assert compat.reads(version, f"kubeadm.k8s.io/{api}") is read


def test_phases_come_and_go_with_versions() -> None:
    assert "kubeconfig/super-admin" in compat.init_phases("v1.34.4")
    assert "kubeconfig/super-admin" not in compat.init_phases("v1.28.0")
    assert "upload-certs" in compat.init_phases("v1.22.0")
    assert "addon/kube-proxy" in compat.init_phases("v1.36.3")
    assert "kubelet-finalize/experimental-cert-rotation" not in compat.init_phases("v1.34.4")


def test_cgroup_v1_is_refused_since_1_35() -> None:
    assert not compat.kubelet_refuses_cgroup_v1("v1.34.4")
    assert compat.kubelet_refuses_cgroup_v1("v1.36.3")


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("v1.30.9", ""), ("v1.31.0", "PreferClose"), ("v1.33.4", "PreferClose"), ("v1.34.0", "PreferSameZone")],
)
def test_the_preference_for_the_own_zone_by_its_name_of_the_time(version: str, wanted: str) -> None:
    assert compat.traffic_distribution(version) == wanted
