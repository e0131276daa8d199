"""The files for the machines of a role."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.errors import NoPackageError
from edgeadm.fleet.model import Role
from edgeadm.hosts import LocalHost, facts
from edgeadm.package.check import verify
from edgeadm.package.manifest import ImageEntry
from edgeadm.package.write import Input, write_package

pytestmark = pytest.mark.runs_programs
EVERY = ("control-plane", "worker", "edge")


@pytest.fixture
def arch() -> str:
    """An architecture other than that of this host, so that the edgeadm of the package is sent."""
    return "arm64" if facts.architecture(LocalHost()) != "arm64" else "amd64"


@pytest.fixture
def package(tmp_path: Path, arch: str) -> Path:
    files = {
        "bin/kubelet": (EVERY, "program"),
        "bin/lite-apiserver": (("edge",), "program"),
        "bin/etcdctl": (("control-plane",), "program"),
        "images/pause.tar": (EVERY, "image"),
        "images/etcd.tar": (("control-plane",), "image"),
        "edgeadm/edgeadm": (EVERY, "edgeadm"),
        "edgeadm/_internal/run": (EVERY, "edgeadm"),
    }
    inputs = []
    for name, (roles, kind) in files.items():
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{name}\n", encoding="utf-8")
        inputs.append(Input(path, name, roles, kind))
    images = [
        ImageEntry("registry.k8s.io/pause:3.10", "images/pause.tar", "sha256:1", EVERY),
        ImageEntry("registry.k8s.io/etcd:3.6", "images/etcd.tar", "sha256:2", ("control-plane",)),
    ]
    target = tmp_path / "package.tar.zst"
    write_package(target, inputs, edgeadm="0", kubernetes="v1.37.2", arch=arch, images=images)
    return target


def bundles(package: Path, arch: str, cache: Path) -> Bundles:
    return Bundles({arch: str(package)}, cache)


def test_a_role_package_is_an_ordinary_package_with_the_files_of_the_role(
    package: Path, arch: str, tmp_path: Path
) -> None:
    bundle = bundles(package, arch, tmp_path / "cache").of(arch, Role.EDGE)
    manifest = verify(bundle.package.path, arch=arch)
    assert [each.path for each in manifest.files] == ["bin/kubelet", "bin/lite-apiserver", "images/pause.tar"]
    assert [each.name for each in manifest.images] == ["registry.k8s.io/pause:3.10"]
    assert {each.roles for each in manifest.files} == {("edge",)}
    assert manifest.kubernetes == "v1.37.2"


def test_the_executable_is_that_of_the_package_for_another_architecture(
    package: Path, arch: str, tmp_path: Path
) -> None:
    bundle = bundles(package, arch, tmp_path / "cache").of(arch, Role.EDGE)
    with tarfile.open(bundle.executable.path) as archive:
        members = {each.name: (each.mode, each.uid, each.mtime) for each in archive.getmembers()}
    assert members == {"edgeadm": (0o755, 0, 0), "_internal/run": (0o755, 0, 0)}
    assert bundle.tree == bundle.executable.sha256[:20]


def test_equal_packages_result_in_equal_bytes(package: Path, arch: str, tmp_path: Path) -> None:
    first = bundles(package, arch, tmp_path / "one").of(arch, Role.EDGE)
    second = bundles(package, arch, tmp_path / "two").of(arch, Role.EDGE)
    assert [each.sha256 for each in first.pieces] == [each.sha256 for each in second.pieces]


def test_a_bundle_is_written_once(package: Path, arch: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = bundles(package, arch, cache).of(arch, Role.EDGE)
    before = {each: each.stat().st_mtime_ns for each in cache.iterdir()}
    assert bundles(package, arch, cache).of(arch, Role.EDGE) == first
    assert {each: each.stat().st_mtime_ns for each in cache.iterdir()} == before
    assert not [each for each in cache.iterdir() if each.name.startswith(".")]


def test_the_content_of_a_role_does_not_depend_on_other_roles(
    package: Path, arch: str, tmp_path: Path
) -> None:
    every = bundles(package, arch, tmp_path / "cache")
    contents = {role: every.content(arch, role) for role in Role}
    assert len(set(contents.values())) == 3


def test_an_architecture_without_a_package_is_an_error(package: Path, arch: str, tmp_path: Path) -> None:
    with pytest.raises(NoPackageError):
        bundles(package, arch, tmp_path / "cache").of("riscv64", Role.EDGE)
