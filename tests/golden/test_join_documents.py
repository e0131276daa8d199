"""The JoinConfiguration as it is written for each release, held against files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgeadm.config import KubeadmFlags
from edgeadm.config.secret import Secret
from edgeadm.kubeadm.join_document import render_join
from edgeadm.kubeadm.model import JoinModel
from edgeadm.package.builder import known_recipes

HERE = Path(__file__).parent / "kubeadm"
VERSIONS = ["v1.28.15", "v1.31.14", *known_recipes()]
WORKER = JoinModel(
    "/etc/edgeadm/bootstrap.conf", "unix:///run/containerd/containerd.sock", Secret("abcdef.0123456789abcdef")
)
EDGE = replace(
    WORKER,
    flags=KubeadmFlags(node_name="edge-1"),
    kubelet_args=(("node-ip", "10.0.0.21"),),
    labels=("superedge.io/node-edge=enable", "site=north"),
    taints=("edge=true:NoSchedule", "slow:NoExecute"),
    ignore_preflight_errors=("SystemVerification",),
    patches="/etc/edgeadm/patches",
)
CONTROL_PLANE = replace(
    WORKER,
    flags=KubeadmFlags(certificate_key="1" * 64),
    control_plane=True,
    kubelet_args=(("node-ip", "10.0.0.12"),),
    advertise_address="10.0.0.12",
    bind_port=6444,
    skip_phases=("kubelet-start",),
)
SCENARIOS = {"worker": WORKER, "edge": EDGE, "control-plane": CONTROL_PLANE}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("version", VERSIONS)
def test_documents(version: str, scenario: str, request: pytest.FixtureRequest) -> None:
    text = yaml.safe_dump(render_join(SCENARIOS[scenario], version), sort_keys=False)
    golden = HERE / f"join-{scenario}-{version}.yaml"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_the_users_labels_stay_beside_ours() -> None:
    theirs = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": {"bootstrapToken": {"token": "zzzzzz.zzzzzzzzzzzzzzzz"}},
        "nodeRegistration": {"kubeletExtraArgs": [{"name": "node-labels", "value": "a=b"}]},
    }
    document = render_join(replace(EDGE, documents=(theirs,)), "v1.34.4")
    labels = {each["name"]: each["value"] for each in document["nodeRegistration"]["kubeletExtraArgs"]}
    assert labels["node-labels"] == "a=b,superedge.io/node-edge=enable,site=north"
    assert set(document["discovery"]) == {"file", "tlsBootstrapToken"}
