"""kubeadm's configuration as it is written for each release, held against files.

`pytest tests/golden --update-golden` accepts what the code writes now. The files of
releases with a recipe are given to the real `kubeadm config validate` by tests/e2e."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgeadm.config import KubeadmFlags
from edgeadm.config.secret import Secret
from edgeadm.errors import ConfigError
from edgeadm.kubeadm.documents import render
from edgeadm.kubeadm.model import KubeadmModel
from edgeadm.package.builder import known_recipes

HERE = Path(__file__).parent / "kubeadm"
VERSIONS = ["v1.22.6", "v1.28.15", "v1.31.14", *known_recipes()]
PLAIN = KubeadmModel("", "unix:///run/containerd/containerd.sock", Secret("abcdef.0123456789abcdef"))
FULL = replace(
    PLAIN,
    flags=KubeadmFlags(
        apiserver_advertise_address="10.0.0.11",
        apiserver_bind_port=7443,
        apiserver_cert_extra_sans=("edge.example.org", "203.0.113.7"),
        cert_dir="/etc/kubernetes/certs",
        control_plane_endpoint="10.0.0.100:6443",
        image_repository="registry.example.org/k8s",
        node_name="master-1",
        patches="/etc/edgeadm/patches",
        pod_network_cidr="192.168.0.0/16",
        service_cidr="10.80.0.0/16",
        service_dns_domain="edge.local",
        token="zyxwvu.9876543210zyxwvu",
        token_ttl="2h0m0s",
        upload_certs=True,
    ),
    certificate_key="0" * 64,
    pod_subnet="10.244.0.0/16",
    ignore_preflight_errors=("NumCPU", "SystemVerification"),
    skip_phases=("addon/kube-proxy",),
    kubelet_args=(("node-ip", "10.0.0.11"),),
    tolerate_cgroup_v1=True,
    fixed_conntrack=True,
)
SCENARIOS = {"plain": PLAIN, "full": FULL}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("version", VERSIONS)
def test_documents(version: str, scenario: str, request: pytest.FixtureRequest) -> None:
    model = replace(SCENARIOS[scenario], kubernetes_version=version)
    if version < "v1.31":
        model = replace(model, tolerate_cgroup_v1=False)
    text = yaml.safe_dump_all(render(model, version), sort_keys=False)
    golden = HERE / f"{scenario}-{version}.yaml"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_the_users_documents_keep_their_version_and_their_words() -> None:
    theirs = {
        "apiVersion": "kubeadm.k8s.io/v1beta3",
        "kind": "InitConfiguration",
        "nodeRegistration": {"kubeletExtraArgs": {"node-ip": "10.9.9.9"}, "name": "theirs"},
        "bootstrapTokens": [{"token": "aaaaaa.bbbbbbbbbbbbbbbb"}],
    }
    join = {"apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "JoinConfiguration"}
    model = replace(FULL, documents=(theirs, join), flags=KubeadmFlags(), kubernetes_version="v1.34.4")
    init, *others = render(model, "v1.34.4")
    assert init["apiVersion"] == "kubeadm.k8s.io/v1beta3"
    assert init["nodeRegistration"]["kubeletExtraArgs"] == {"node-ip": "10.9.9.9"}
    assert init["nodeRegistration"]["name"] == "theirs"
    assert init["bootstrapTokens"][0]["token"] == "aaaaaa.bbbbbbbbbbbbbbbb"
    assert others[-1] == join
    assert theirs["nodeRegistration"]["name"] == "theirs"


def test_a_flag_wins_over_the_users_document() -> None:
    theirs = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "networking": {"podSubnet": "1.2.0.0/16"},
    }
    model = replace(PLAIN, documents=(theirs,), flags=KubeadmFlags(pod_network_cidr="10.1.0.0/16"))
    cluster = next(each for each in render(model, "v1.34.4") if each["kind"] == "ClusterConfiguration")
    assert cluster["networking"]["podSubnet"] == "10.1.0.0/16"


@pytest.mark.parametrize(
    ("apis", "message"),
    [
        (["kubeadm.k8s.io/v1beta2"], "does not read kubeadm.k8s.io/v1beta2"),
        (["kubeadm.k8s.io/v1beta3", "kubeadm.k8s.io/v1beta4"], "mixes"),
    ],
)
def test_documents_that_this_kubeadm_cannot_read_are_refused(apis: list[str], message: str) -> None:
    theirs = tuple({"apiVersion": api, "kind": "InitConfiguration"} for api in apis)
    with pytest.raises(ConfigError, match=message) as caught:
        render(replace(PLAIN, documents=theirs), "v1.34.4")
    assert "migrate" in caught.value.hint


def test_all_stands_alone_among_the_ignored_checks() -> None:
    model = replace(PLAIN, ignore_preflight_errors=("NumCPU", "all"))
    init = render(model, "v1.34.4")[0]
    assert init["nodeRegistration"]["ignorePreflightErrors"] == ["all"]
