from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm.config import Config, load
from edgeadm.config.model import (
    ADDON,
    CERTS,
    DETACH,
    INIT,
    JOIN,
    RESET,
    addon_settings,
    flag_of,
    join_settings,
    key_of,
    kubeadm_settings,
    own_settings,
    reset_settings,
    settings_of,
    variable_of,
)
from edgeadm.errors import ConfigError

HEAD = "apiVersion: edgeadm.io/v1alpha1\nkind: EdgeConfiguration\n"


def config(tmp_path: Path, text: str, **given: Any) -> Config:
    file = tmp_path / "edgeadm.yaml"
    file.write_text(text)
    return load(str(file), given)


def test_what_was_given_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    found = config(
        tmp_path, HEAD + "cni: none\nedgeVersion: v0.8.2\npodNetworkCidr: 10.1.0.0/16\n", cni="flannel"
    )
    assert found.cni == "flannel"
    assert found.edge_version == "v0.8.2"
    assert found.kubeadm.pod_network_cidr == "10.1.0.0/16"
    assert found.edge_virtual_addr == "169.254.20.11"


def test_kubeadms_own_documents_are_kept_as_they_are(tmp_path: Path) -> None:
    text = HEAD + "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: shop\n"
    found = config(tmp_path, text)
    assert [dict(each) for each in found.kubeadm_documents] == [
        {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "clusterName": "shop"}
    ]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (HEAD + "podNetworkCird: x\n", "config-unknown-key", "`podNetworkCidr` for `podNetworkCird`"),
        (HEAD + "zzz: 1\nyyy: 2\n", "config-unknown-key", "`edgeadm config print` lists the keys"),
        (HEAD + "enableEdge: maybe\n", "invalid-config", "enableEdge: expects true or false"),
        (HEAD + "apiserverBindPort: yes\n", "invalid-config", "apiserverBindPort: expects a whole number"),
        (HEAD + "skipPhases: 3\n", "invalid-config", "skipPhases: expects a list of strings"),
        (HEAD + "---\n" + HEAD, "invalid-config", "2 EdgeConfiguration documents"),
        ("a: [", "config-syntax", "not valid YAML"),
        ("", "config-syntax", "contains no document"),
        ("- 1\n", "config-syntax", "lacks apiVersion"),
        ("apiVersion: v1\nkind: Pod\n", "config-unknown-kind", "neither edgeadm nor kubeadm reads v1 Pod"),
        ("apiVersion: edgeadm.io/v2\nkind: X\n", "config-unknown-kind", "use edgeadm.io/v1alpha1"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_words(
    tmp_path: Path, text: str, code: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, text)
    error = caught.value
    assert (error.code, error.exit_code) == (code, 3)
    assert words in f"{error.message}\n{error.context}\n{error.hint}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path / "absent.yaml"), {})
    assert caught.value.code == "config-unreadable"


def test_one_setting_has_one_name_in_every_place() -> None:
    assert flag_of("install_pkg_path") == "--install-pkg-path"
    assert key_of("install_pkg_path") == "installPkgPath"
    assert variable_of("install_pkg_path") == "EDGEADM_INSTALL_PKG_PATH"
    assert not set(own_settings()) & set(kubeadm_settings())


def test_each_setting_names_the_verbs_that_take_it() -> None:
    verbs = {INIT, JOIN, ADDON, DETACH, CERTS, RESET}
    groups = (own_settings(), kubeadm_settings(), join_settings(), addon_settings(), reset_settings())
    for group in groups:
        for name, each in group.items():
            assert each.metadata["verbs"], name
            assert set(each.metadata["verbs"]) <= verbs, name
    assert set(settings_of("detach edge-apps")) == {"kubeconfig", "force", "skip_phases"}
    assert set(settings_of("certs renew")) == {
        *("kubeconfig", "ca_cert", "ca_key", "all_certificates", "skip_phases")
    }
    assert set(settings_of("reset")) == {*reset_settings(), "skip_phases"}
    assert not set(settings_of("join")) & {"values", "pod_network_cidr", "tunnel_port", "kubeconfig"}


def test_a_name_of_several_groups_has_its_value_in_each(tmp_path: Path) -> None:
    config = load(None, {"cert_dir": "/x", "force": True})
    assert (config.kubeadm.cert_dir, config.reset.cert_dir) == ("/x", "/x")
    assert (config.addon.force, config.reset.force) == (True, True)
