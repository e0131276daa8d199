"""The golden configurations of 1.34 and 1.36, judged by the real kubeadm of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.hosts.process import execute

pytestmark = pytest.mark.e2e
GOLDEN = Path(__file__).parents[1] / "golden" / "kubeadm"
FILES = sorted(path for path in GOLDEN.glob("*.yaml") if path.stem.endswith(("v1.34.4", "v1.36.3")))


def test_there_are_files_of_both_releases() -> None:
    assert len(FILES) == 2 * len(("full", "plain", "edge", "worker", "control-plane"))


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
