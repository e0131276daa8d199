"""The packages that the controller serves, and the probe of its loop."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgeadm.fleet.controller.errors import StoreError
from edgeadm.fleet.controller.main import Beat, Offers, Settings
from edgeadm.fleet.controller.serve import Files
from tests.fake_fleet import Inline


def settings(folder: Path) -> Settings:
    return Settings("edge-system", "image:v1", folder, folder, 8080, "a")


def test_packages_are_prepared_beside_the_loop(tmp_path: Path) -> None:
    # A package for another architecture is served as it is: only a node of it could reduce it.
    (tmp_path / "kubernetes-other-v1.37.2-0123.tar.zst").write_bytes(b"package")
    pool = Inline(hold=lambda _name: True)
    files = Files()
    offers = Offers(settings(tmp_path), files, pool)
    for _ in range(2):
        with pytest.raises(StoreError, match="are being prepared"):
            offers()
    assert pool.names == ["packages"]
    pool.release("packages")
    (offered,) = offers()
    assert (offered.arch, offered.size) == ("other", 7)
    assert offered.sha256 == hashlib.sha256(b"package").hexdigest()
    assert files.path(offered.sha256) == tmp_path / "kubernetes-other-v1.37.2-0123.tar.zst"


def test_a_new_package_is_prepared(tmp_path: Path) -> None:
    (tmp_path / "kubernetes-other-v1.37.2-0123.tar.zst").write_bytes(b"package")
    offers = Offers(settings(tmp_path), Files(), Inline())
    with pytest.raises(StoreError):
        offers()
    assert len(offers()) == 1
    (tmp_path / "kubernetes-third-v1.37.2-0123.tar.zst").write_bytes(b"third")
    with pytest.raises(StoreError):
        offers()
    assert len(offers()) == 2


def test_a_damaged_package_is_the_reason(tmp_path: Path) -> None:
    from edgeadm.errors import EdgeadmError
    from edgeadm.package.machine import this_arch

    (tmp_path / f"kubernetes-{this_arch()}-v1.37.2-0123.tar.zst").write_bytes(b"no package")
    offers = Offers(settings(tmp_path), Files(), Inline())
    with pytest.raises(StoreError):
        offers()
    with pytest.raises(EdgeadmError) as caught:
        offers()
    assert caught.value.code != StoreError.code


def test_without_a_package_the_reason_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="contains no offline package"):
        Offers(settings(tmp_path), Files(), Inline())()


def test_a_loop_that_stands_still_is_not_alive() -> None:
    seconds = [0.0]
    beat = Beat(lambda: seconds[0], 0.0)
    assert beat.alive()
    seconds[0] = 1000.0
    assert not beat.alive()
    beat.now()
    assert beat.alive()
