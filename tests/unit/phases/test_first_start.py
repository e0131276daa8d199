"""The API server of a new cluster goes through the tunnel from its first start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgeadm.apps.egress_files import CONFIG, COPY, FLAG
from edgeadm.config import Config
from edgeadm.config.model import KubeadmFlags
from edgeadm.core.runner import Run
from edgeadm.errors import EdgeadmError
from edgeadm.node.join_files import join_config
from edgeadm.node.membership import FACTS, ClusterFacts
from edgeadm.phases.edge_apps.api_server import ApiServer
from edgeadm.phases.edge_apps.first_start import PATCH, FirstStart
from edgeadm.workflows import INIT, JOIN
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import KUBECONFIG, MANIFEST
from tests.wishes import asked, machine_for


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return machine_for(INIT, tmp_path)


def init(machine: Machine, config: Config) -> Recorded:
    report = Recorded()
    Run(INIT, machine.context(config), report).apply(INIT.select((), config.skip_phases))
    return report


def extra(name: str) -> Config:
    """A user's document that gives the API server a flag."""
    document = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "apiServer": {"extraArgs": [{"name": name, "value": "/etc/theirs.yaml"}]},
    }
    return replace(asked(INIT), kubeadm_documents=(document,))


def test_nothing_is_restarted_for_it(machine: Machine) -> None:
    init(machine, asked(INIT))
    assert f"--{FLAG}={CONFIG}".encode() in machine.host.files[MANIFEST]
    assert not ApiServer().check(machine.context(asked(INIT))).needed
    assert COPY not in machine.host.files
    assert not [argv for argv in machine.host.ran if argv[0] == "pkill"]


@pytest.mark.parametrize("left_out", ["edge-apps", "edge-apps/tunnel", "edge-apps/api-server", "first-start"])
def test_what_is_left_out_leaves_the_manifest_as_kubeadm_makes_it(left_out: str, machine: Machine) -> None:
    init(machine, replace(asked(INIT), skip_phases=(left_out,)))
    assert PATCH not in machine.host.files
    assert (FLAG.encode() in machine.host.files[MANIFEST]) == (left_out == "first-start")
    assert b"patches" not in machine.host.files["/etc/edgeadm/kubeadm.yaml"]


@pytest.mark.parametrize("by", ["flag", "document"])
def test_the_users_own_patches_lie_beside(by: str, machine: Machine, tmp_path: Path) -> None:
    theirs = str(tmp_path)
    machine.host.files[f"{theirs}/etcd.yaml"] = b"metadata: {}\n"
    config = asked(INIT)
    if by == "flag":
        config = replace(config, kubeadm=replace(config.kubeadm, patches=theirs))
    else:
        document = {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "patches": {"directory": theirs},
        }
        config = replace(config, kubeadm_documents=(document,))
    init(machine, config)
    assert machine.host.files["/etc/edgeadm/patches/etcd.yaml"] == b"metadata: {}\n"
    (written,) = (
        each
        for each in yaml.safe_load_all(machine.host.files["/etc/edgeadm/kubeadm.yaml"])
        if each["kind"] == "InitConfiguration"
    )
    assert written["patches"]["directory"] == "/etc/edgeadm/patches"


def test_an_api_that_does_not_answer_yet_is_not_asked(machine: Machine) -> None:
    """A run was killed when kubeadm had written admin.conf, and the API server was not up."""
    config = asked(INIT)
    ctx = machine.context(config)
    Run(INIT, ctx, Recorded()).apply(INIT.select(("kubeadm-config",)))
    machine.host.files["/etc/kubernetes/admin.conf"] = KUBECONFIG
    machine.cluster.down = True
    Run(INIT, machine.context(config), Recorded()).apply(INIT.select(("first-start",)))
    assert b"https://10.96.0.80:8000" in machine.host.files[CONFIG]


def test_an_egress_of_the_users_own_is_refused_before_kubeadm_runs(machine: Machine) -> None:
    with pytest.raises(EdgeadmError) as refused:
        init(machine, extra(FLAG))
    assert refused.value.code == "other-egress"
    assert MANIFEST not in machine.host.files
    init(machine, extra("profiling"))
    assert FLAG.encode() in machine.host.files[MANIFEST]


def test_the_folder_of_certificates_may_be_another(machine: Machine) -> None:
    config = asked(INIT)
    flags: KubeadmFlags = replace(config.kubeadm, cert_dir="/srv/pki")
    ctx = machine.context(replace(config, kubeadm=flags))
    Run(INIT, ctx, Recorded()).apply(INIT.select(("kubeadm-config", "first-start")))
    found = yaml.safe_load(machine.host.files[CONFIG])["egressSelections"][0]["connection"]
    assert found["transport"]["tcp"]["tlsConfig"]["caBundle"] == "/srv/pki/ca.crt"


@pytest.mark.parametrize("tunnel", ["10.96.0.99", ""])
def test_a_control_plane_that_joins_starts_the_same_way_where_there_is_a_tunnel(
    tunnel: str, tmp_path: Path
) -> None:
    machine = machine_for(JOIN, tmp_path)
    config = asked(JOIN)
    ctx = machine.context(replace(config, join=replace(config.join, control_plane=True)))
    facts = ClusterFacts("https://10.0.0.11:6443", "", "v1.34.4", "10.96.0.1", "cluster.local")
    machine.host.files[FACTS] = replace(facts, tunnel_address=tunnel, certificates="/srv/pki").text()
    ctx.journal.verb = "join"
    verdict = FirstStart().check(ctx)
    assert verdict.needed == bool(tunnel)
    if tunnel:
        FirstStart().apply(ctx)
        assert b"https://10.96.0.99:8000" in machine.host.files[CONFIG]
        assert b"/srv/pki/apiserver-kubelet-client.crt" in machine.host.files[CONFIG]
    wanted = yaml.safe_load(join_config(ctx))
    assert wanted.get("patches", {}).get("directory") == ("/etc/edgeadm/patches" if tunnel else None)
