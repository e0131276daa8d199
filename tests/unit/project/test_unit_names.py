"""Names of the systemd units that edgeadm installs."""

from __future__ import annotations

from pathlib import Path

UNITS = Path(__file__).parents[3] / "templates" / "systemd"
# Programs that hosts have without edgeadm, and the name that SuperEdge gave its proxy.
UPSTREAM = {"containerd", "kubelet", "lite-apiserver"}


def test_a_unit_of_edgeadm_is_found_by_its_prefix() -> None:
    # Drop-in files such as 10-kubeadm.conf are not units.
    units = (path for path in UNITS.iterdir() if path.name.removesuffix(".j2").rpartition(".")[2] != "conf")
    names = {path.name.partition(".")[0] for path in units}
    assert names > UPSTREAM
    assert [name for name in sorted(names - UPSTREAM) if not name.startswith("edgeadm-")] == []
