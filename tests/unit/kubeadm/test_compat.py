from __future__ import annotations

import re
from pathlib import Path

import pytest

import edgeadm
from edgeadm.errors import UnsupportedVersionError
from edgeadm.kubeadm import compat
from edgeadm.package.builder import known_recipes, load_recipe


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
        ("v1.36.3", "v1beta3", True),
        ("v1.37.2", "v1beta3", False),
        ("v1.37.2", "v1beta4", True),
        ("v1.37.2", "v1", False),
        ("v1.40.0", "v1beta3", False),
        ("v1.40.0", "v1beta4", True),
        ("v1.40.0", "v1", True),
    ],
)
def test_which_documents_a_kubeadm_reads(version: str, api: str, read: bool) -> None:
    assert compat.reads(version, f"kubeadm.k8s.io/{api}") is read


@pytest.mark.parametrize(
    ("version", "api", "steps"),
    [
        ("v1.37.2", "v1beta3", [("1.31", "1.36", "v1beta4")]),
        ("v1.37.2", "v1beta2", [("1.22", "1.26", "v1beta3"), ("1.31", "1.36", "v1beta4")]),
        ("v1.34.4", "v1beta2", [("1.22", "1.26", "v1beta3")]),
        ("v1.30.1", "v1beta4", []),
        ("v1.37.2", "v1alpha3", []),
    ],
)
def test_the_way_from_an_api_that_is_gone(version: str, api: str, steps: list[tuple[str, str, str]]) -> None:
    found = compat.migration(version, f"kubeadm.k8s.io/{api}")
    assert found == [(first, last, f"kubeadm.k8s.io/{written}") for first, last, written in steps]


@pytest.mark.parametrize(
    ("kubelet", "api_server", "fits"),
    [
        ("v1.34.4", "v1.37.2", True),
        ("v1.37.0", "v1.37.2", True),
        ("v1.37.2", "v1.37.0", True),
        ("v1.33.9", "v1.37.2", False),
        ("v1.37.2", "v1.36.3", False),
        ("v1.24.0", "v1.27.0", False),
        ("v1.25.0", "v1.27.0", True),
        ("v1.36.3", "v1.37.2-eks-1", True),
    ],
)
def test_how_far_behind_a_kubelet_may_be(kubelet: str, api_server: str, fits: bool) -> None:
    assert compat.may_join(kubelet, api_server) is fits


def test_join_phases_of_each_release_are_among_all_of_them() -> None:
    assert "control-plane-join/etcd" in compat.join_phases("v1.35.4")
    assert "control-plane-join/etcd" not in compat.join_phases("v1.36.3")
    assert "etcd-join" not in compat.join_phases("v1.30.0")
    for verb, phases in (("init", compat.init_phases), ("join", compat.join_phases)):
        for version in ("v1.22.0", "v1.31.0", "v1.37.2", "v1.99.0"):
            assert set(phases(version)) <= set(compat.every_phase(verb))
    assert compat.every_phase("join")[0] == "preflight"


def test_every_recipe_has_a_containerd_that_its_makers_test_with_it() -> None:
    for version in known_recipes():
        containerd = load_recipe(version).sets["containerd"].version
        assert compat.containerd_tested(version, containerd) == "", f"{containerd} with {version}"
        assert compat.is_known(version)


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


def test_no_other_module_compares_kubernetes_versions() -> None:
    home = Path(edgeadm.__file__).parent
    private = re.compile(r"\bcompat\.(minor|Minor|_\w+)\b|compat import .*\b(minor|Minor)\b")
    compares = re.compile(r"\([12], ?[0-9]+(, ?[0-9]+)?\) ?(<|>|==)|(<|>|==)=? ?\([12], ?[0-9]+\)")
    wrong = [
        f"{path.relative_to(home)}: {line.strip()}"
        for path in home.rglob("*.py")
        if path.name != "compat.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if private.search(line) or compares.search(line)
    ]
    assert wrong == []
