"""The golden configurations and the facts of compat.py, judged by the real kubeadm of the release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import kubeadm_facts
from tests.e2e.kubeadm import Kubeadm
from tests.e2e.release import KUBERNETES

pytestmark = pytest.mark.e2e
FILES = kubeadm_facts.golden(KUBERNETES)


@pytest.fixture(scope="module")
def kubeadm(kubeadm_of: Callable[[str], Path]) -> Kubeadm:
    return Kubeadm(kubeadm_of(KUBERNETES), KUBERNETES)


def test_there_are_files_of_the_release() -> None:
    assert len(FILES) == len(("full", "plain", "edge", "worker", "control-plane"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_kubeadm_says_ok(file: Path, kubeadm: Kubeadm, tmp_path: Path) -> None:
    kubeadm_facts.is_valid(kubeadm, file, tmp_path)


@pytest.mark.parametrize("fact", kubeadm_facts.FACTS, ids=lambda fact: fact.__name__)
def test_what_compat_says_is_true_of_it(fact: Callable[[Kubeadm], None], kubeadm: Kubeadm) -> None:
    fact(kubeadm)
