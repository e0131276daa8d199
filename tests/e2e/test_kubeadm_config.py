"""The golden configurations of 1.34 and 1.36, judged by the real kubeadm of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.hosts.process import execute

pytestmark = pytest.mark.e2e
GOLDEN = Path(__file__).parents[1] / "golden" / "kubeadm"
FILES = sorted(path for path in GOLDEN.glob("*.yaml") if path.stem.endswith(("v1.34.4", "v1.36.3")))


def test_there_are_files_of_both_releases() -> None:
    assert len(FILES) == 4


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_kubeadm_says_ok(file: Path, kubeadm_of: object) -> None:
    version = file.stem.rpartition("-")[2]
    kubeadm = kubeadm_of(version)  # type: ignore[operator]
    done = execute([str(kubeadm), "config", "validate", "--config", str(file)])
    assert (done.code, done.out.strip()) == (0, "ok"), done.err
