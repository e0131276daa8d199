"""Compares each fact of `edgeadm/kubeadm/compat.py` with the real kubeadm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeadm.config import Config
from edgeadm.kubeadm import compat, images
from edgeadm.package.builder import load_recipe
from tests.e2e.kubeadm import APIS, Kubeadm

MIRROR = {"imageRepository": "registry.example/mirror"}
LOCAL = {"imageRepository": "registry.example/etcd", "imageTag": "3.6.0-1"}
EXTERNAL = {"endpoints": ["https://192.0.2.9:2379"], "caFile": "/ca", "certFile": "/cert", "keyFile": "/key"}
CLUSTERS: tuple[dict[str, Any], ...] = (
    {},
    MIRROR,
    {"imageRepository": "registry.k8s.io"},
    {"dns": {"imageRepository": "registry.example/dns", "imageTag": "v1.9.3"}},
    {"dns": {"imageRepository": "registry.k8s.io"}, **MIRROR},
    {"dns": {"imageTag": "v1.9.3"}, **MIRROR},
    {"etcd": {"local": LOCAL}},
    {"etcd": {"local": {"imageTag": "3.6.0-1"}}, **MIRROR},
    {"etcd": {"external": EXTERNAL}},
)
GOLDEN = Path(__file__).parents[1] / "golden" / "kubeadm"


def golden(version: str) -> list[Path]:
    """The configurations that edgeadm writes for this release."""
    return sorted(GOLDEN.glob(f"*-{version}.yaml"))


def is_valid(kubeadm: Kubeadm, file: Path, folder: Path) -> None:
    """A JoinConfiguration names a kubeconfig, and kubeadm looks for the file."""
    (folder / "bootstrap.conf").write_text("apiVersion: v1\nkind: Config\n")
    config = folder / file.name
    config.write_text(file.read_text().replace("/etc/edgeadm/bootstrap.conf", f"{folder}/bootstrap.conf"))
    done = kubeadm.run("config", "validate", "--config", str(config))
    assert (done.code, done.out.strip()) == (0, "ok"), done.err


def it_reads_these_apis_and_no_others(kubeadm: Kubeadm) -> None:
    wanted = {api: compat.reads(kubeadm.version, api) for api in APIS}
    assert {api: kubeadm.reads(api) for api in APIS} == wanted


def it_has_these_phases_and_no_others(kubeadm: Kubeadm) -> None:
    for verb, phases in (("init", compat.init_phases), ("join", compat.join_phases)):
        every = compat.every_phase(verb)
        assert [each for each in every if kubeadm.has_phase(verb, each)] == phases(kubeadm.version)


def it_offers_no_feature_gate_that_is_not_known(kubeadm: Kubeadm) -> None:
    assert kubeadm.gates()
    assert set(kubeadm.gates()) <= set(compat.feature_gates(kubeadm.version))


def it_takes_these_feature_gates_and_no_others(kubeadm: Kubeadm) -> None:
    for name in (*compat.GATES, "Nonsense"):
        fault = compat.feature_gate_fault(kubeadm.version, name)
        for value in ("true", "false"):
            assert kubeadm.takes_gate(name, value) is not bool(fault), f"{name}={value}: {fault}"


def it_asks_for_the_images_of_the_recipe(kubeadm: Kubeadm) -> None:
    assert kubeadm.images() <= {each.name for each in load_recipe(kubeadm.version).images}


def it_asks_for_the_images_that_preflight_expects(kubeadm: Kubeadm) -> None:
    packed = [each.name for each in load_recipe(kubeadm.version).images]
    for settings in CLUSTERS:
        document = {"kind": "ClusterConfiguration", **settings}
        config = Config(enable_edge=False, kubeadm_documents=(document,))
        assert set(images.init_images(config, kubeadm.version, packed)) == kubeadm.images(settings), settings


FACTS = (
    it_reads_these_apis_and_no_others,
    it_has_these_phases_and_no_others,
    it_offers_no_feature_gate_that_is_not_known,
    it_takes_these_feature_gates_and_no_others,
    it_asks_for_the_images_of_the_recipe,
    it_asks_for_the_images_that_preflight_expects,
)
