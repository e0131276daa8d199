"""Each fact of `edgeadm/kubeadm/compat.py` about a kubeadm, held against the program itself."""

from __future__ import annotations

from pathlib import Path

from edgeadm.kubeadm import compat
from edgeadm.package.builder import load_recipe
from tests.e2e.kubeadm import APIS, Kubeadm

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


def it_has_these_feature_gates_and_no_others(kubeadm: Kubeadm) -> None:
    unlocked = [
        each
        for each in compat.feature_gates(kubeadm.version)
        if not compat.feature_gate_fault(kubeadm.version, each, on=False)
    ]
    assert set(kubeadm.gates()) >= set(unlocked)
    assert set(kubeadm.gates()) <= set(compat.feature_gates(kubeadm.version))


def it_takes_these_values_of_feature_gates(kubeadm: Kubeadm) -> None:
    for name in (*compat.GATES, "Nonsense"):
        for on in (True, False):
            fault = compat.feature_gate_fault(kubeadm.version, name, on)
            assert kubeadm.takes_gate(name, str(on).lower()) is not bool(fault), f"{name}={on}: {fault}"


def it_asks_for_the_images_of_the_recipe(kubeadm: Kubeadm) -> None:
    assert kubeadm.images() <= {each.name for each in load_recipe(kubeadm.version).images}


FACTS = (
    it_reads_these_apis_and_no_others,
    it_has_these_phases_and_no_others,
    it_has_these_feature_gates_and_no_others,
    it_takes_these_values_of_feature_gates,
    it_asks_for_the_images_of_the_recipe,
)
