"""Preflight checks of versions: kubeadm's feature gates and phases, and the host's containerd."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.checks.engine import WRONG, Check, Finding, run_checks, with_result
from edgeadm.config import Config, KubeadmFlags
from edgeadm.errors import ConfigError
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.phases.preflight import Preflight
from edgeadm.phases.preflight_join import JoinPreflight
from edgeadm.preflight.kubeadm import KUBEADM_INIT_CHECKS, KUBEADM_JOIN_CHECKS
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.supply import SUPPLY_CHECKS
from tests.machine import Machine

V1BETA3 = {"apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "InitConfiguration"}


def found(
    checks: tuple[Check[Subject], ...], version: str, config: Config, host: FakeHost | None = None
) -> list[Finding]:
    return with_result(run_checks(checks, Subject(host or FakeHost(), config, version)), *WRONG)


def of(machine: Machine, version: str) -> Machine:
    """The fake host with a package for this Kubernetes version."""
    assert machine.package is not None
    manifest = replace(machine.package.manifest, kubernetes=version)
    machine.package = replace(machine.package, manifest=manifest)
    return machine


@pytest.mark.parametrize(("version", "named"), [("v1.37.2", False), ("v1.38.0", True), ("v1.22.0", False)])
def test_an_unknown_release_is_one_warning(version: str, named: bool) -> None:
    warnings = found(KUBEADM_INIT_CHECKS, version, Config())
    assert [(each.code, each.result) for each in warnings] == [("KubernetesUnknown", "warning")] * named


@pytest.mark.parametrize(
    ("version", "gates", "said"),
    [
        ("v1.36.3", "NodeLocalCRISocket=true", ""),
        ("v1.36.3", "NodeLocalCRISocket=false", ""),
        ("v1.37.2", "RootlessControlPlane=true", ""),
        (
            "v1.37.2",
            "RootlessControlPlane=true,NodeLocalCRISocket=true",
            "NodeLocalCRISocket: it was removed",
        ),
        ("v1.37.2", "PublicKeysECDSA=true", "removed in 1.37"),
        ("v1.36.3", "ControlPlaneKubeletLocalMode=true", "removed in 1.36"),
        ("v1.35.4", "WaitForAllControlPlaneComponents=true", "removed in 1.35"),
        ("v1.37.2", "Nonsense=true", "Nonsense: it does not exist"),
        ("v1.33.1", "EtcdLearnerMode=true", ""),
        ("v1.38.0", "NodeLocalCRISocket=true", "removed in 1.37"),
        ("v1.38.0", "SomethingNew=true", ""),
    ],
)
def test_a_feature_gate_that_kubeadm_rejects_is_an_error_with_its_name(
    version: str, gates: str, said: str
) -> None:
    flags = Config(kubeadm=KubeadmFlags(feature_gates=gates))
    values = dict(gate.split("=") for gate in gates.split(","))
    document = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "featureGates": {name: value == "true" for name, value in values.items()},
    }
    for config in (flags, Config(kubeadm_documents=(document,))):
        every = found(KUBEADM_INIT_CHECKS, version, config)
        findings = [each for each in every if each.code == "FeatureGates"]
        assert [each.result for each in findings] == ["failed"] * bool(said)
        assert all(said in each.text and version in each.text for each in findings)


@pytest.mark.parametrize(
    ("version", "skipped", "names"),
    [
        ("v1.37.2", ("etcd-join", "kubeadm/control-plane-join", "warm-up"), []),
        ("v1.37.2", ("control-plane-join/etcd",), ["control-plane-join/etcd"]),
        ("v1.35.4", ("control-plane-join/etcd",), []),
        ("v1.30.0", ("kubeadm/etcd-join",), ["etcd-join"]),
    ],
)
def test_a_phase_that_this_kubeadm_does_not_have_cannot_be_skipped(
    version: str, skipped: tuple[str, ...], names: list[str]
) -> None:
    findings = found(KUBEADM_JOIN_CHECKS, version, Config(skip_phases=skipped))
    assert [each.result for each in findings] == ["failed"] * len(names)
    assert all(name in each.text for name, each in zip(names, findings, strict=True))


def test_documents_of_the_user_may_skip_only_phases_of_this_kubeadm() -> None:
    document = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration"}
    config = Config(
        kubeadm_documents=(document | {"skipPhases": ["addon/kube-proxy", "certs/all", "addon/dns"]},)
    )
    (finding,) = found(KUBEADM_INIT_CHECKS, "v1.37.2", config)
    assert "addon/dns" in finding.text
    assert found(KUBEADM_JOIN_CHECKS, "v1.37.2", config) == []
    newer = [each.code for each in found(KUBEADM_INIT_CHECKS, "v1.38.0", config)]
    assert newer == ["KubernetesUnknown"]


@pytest.mark.parametrize(
    ("version", "containerd", "result", "hint"),
    [
        ("v1.37.2", "2.3.0", [], ""),
        ("v1.37.2", "2.5.1", [], ""),
        ("v1.37.2", "2.2.9", ["warning"], "update it to 2.3.0 or 2.4.0"),
        ("v1.37.2", "1.7.24", ["warning"], "update it to 2.3.0 or 2.4.0"),
        ("v1.37.2", "1.6.20~ds1", ["warning"], "2.3.0"),
        ("v1.37.2", "1.5.9", ["failed"], "2.3.0"),
        ("v1.38.0", "1.7.28", ["failed"], "2.3.0"),
        ("v1.36.3", "2.1.5", ["warning"], "2.2.0 or 2.3.0"),
        ("v1.35.4", "2.1.5", [], ""),
        ("v1.35.4", "2.1.4", ["warning"], "1.7.28"),
        ("v1.28.0", "1.6.20", [], ""),
        ("v1.28.0", "1.4.13", ["failed"], "1.6 or newer"),
    ],
)
def test_the_hosts_own_containerd_is_compared_with_the_kubernetes_version(
    version: str, containerd: str, result: list[str], hint: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path)
    machine.host.answers["containerd --version"] = Result(out=f"containerd github.com {containerd} abc\n")
    machine.host.answers["containerd config dump"] = Result(out="version = 2\n")
    checks = tuple(each for each in SUPPLY_CHECKS if each.code == "ContainerRuntime")
    findings = found(checks, version, Config(), machine.host)
    assert [each.result for each in findings] == result
    assert all(hint in each.hint and containerd in each.text for each in findings)


@pytest.mark.parametrize("phase", [Preflight(()), JoinPreflight(())], ids=["init", "join"])
def test_documents_that_kubeadm_cannot_read_are_rejected_before_any_change(
    phase: Preflight, tmp_path: Path
) -> None:
    machine = of(Machine(tmp_path), "v1.37.2")
    config = Config(kubeadm_documents=(V1BETA3,))
    with pytest.raises(ConfigError, match="does not read kubeadm") as refused:
        phase.apply(machine.context(config))
    assert "kubeadm 1.31 to 1.36 writes kubeadm.k8s.io/v1beta4" in refused.value.hint
    phase.apply(of(machine, "v1.36.3").context(config))
