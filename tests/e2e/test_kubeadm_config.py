"""The golden configurations, judged by the real kubeadm of the release."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.hosts.process import execute
from tests.e2e.release import KUBERNETES

pytestmark = pytest.mark.e2e
GOLDEN = Path(__file__).parents[1] / "golden" / "kubeadm"
FILES = sorted(GOLDEN.glob(f"*-{KUBERNETES}.yaml"))


def test_there_are_files_of_the_release() -> None:
    assert len(FILES) == len(("full", "plain", "edge", "worker", "control-plane"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_kubeadm_says_ok(file: Path, kubeadm_of: object, tmp_path: Path) -> None:
    """What is asked of a joining node names a kubeconfig, and kubeadm looks whether it is there."""
    version = file.stem.rpartition("-")[2]
    kubeadm = kubeadm_of(version)  # type: ignore[operator]
    (tmp_path / "bootstrap.conf").write_text("apiVersion: v1\nkind: Config\n")
    config = tmp_path / file.name
    config.write_text(file.read_text().replace("/etc/edgeadm/bootstrap.conf", f"{tmp_path}/bootstrap.conf"))
    done = execute([str(kubeadm), "config", "validate", "--config", str(config)])
    assert (done.code, done.out.strip()) == (0, "ok"), done.err
