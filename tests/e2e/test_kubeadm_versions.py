"""The golden configurations and the facts of compat.py, judged by the real kubeadm of every other recipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.package.builder import known_recipes
from tests.e2e import kubeadm_facts
from tests.e2e.kubeadm import Kubeadm
from tests.e2e.release import KUBERNETES

pytestmark = pytest.mark.e2e
OTHERS = [each for each in known_recipes() if each != KUBERNETES]


@pytest.mark.parametrize("version", OTHERS)
def test_what_compat_says_is_true_of_its_kubeadm(
    version: str, kubeadm_of: Callable[[str], Path], tmp_path: Path
) -> None:
    kubeadm = Kubeadm(kubeadm_of(version), version)
    for fact in kubeadm_facts.FACTS:
        fact(kubeadm)
    for file in kubeadm_facts.golden(version):
        kubeadm_facts.is_valid(kubeadm, file, tmp_path)
