"""A package during a run: read once, only this role's files kept, nothing left by a run that only looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.package.errors import PackageError
from edgeadm.package.manifest import FileEntry, ImageEntry
from edgeadm.package.opened import OpenPackage
from edgeadm.package.progress import MIB, Progress
from tests.unit.package.crafted import true_package
from tests.unit.package.test_refusals import REFUSED

# Whether a package is for this machine's processor, a check of its own asks.
DAMAGED = [case for case in REFUSED if case[0] != "a package for another processor"]


@pytest.fixture
def package(tmp_path: Path) -> OpenPackage:
    """A package, opened for a control plane: its manifest has been read."""
    true_package(tmp_path / "package.tar.zst", tmp_path / "source", CONTENTS)
    return OpenPackage.open(tmp_path / "package.tar.zst", "control-plane", tmp_path / "private")


CONTENTS = {
    "bin/kubeadm": b"kubeadm" * 100_000,
    "bin/kubelet": b"kubelet" * 70_000,
    "cni/bridge": b"bridge",  # of edge nodes alone
    "edgeadm/edgeadm": b"",
    "images/pause.tar": b"pause" * 300,
}


def test_a_run_reads_the_package_once(package: OpenPackage) -> None:
    package.check()
    package.path.unlink()
    package.check()
    for file in [*package.files("program"), *(file for _, file in package.images())]:
        assert file.local().read_bytes() == CONTENTS[file.entry.path]
    package.close()
    assert not package.private.exists()


def test_only_the_files_of_this_role_are_kept(package: OpenPackage) -> None:
    package.check()
    kept = {path.relative_to(package.unpacked()).as_posix() for path in package.unpacked().rglob("*.*")}
    assert kept == {"images/pause.tar", "manifest.json"}
    assert {path.name for path in (package.unpacked() / "bin").iterdir()} == {"kubeadm", "kubelet"}
    assert not (package.unpacked() / "cni").exists()
    assert not (package.unpacked() / "edgeadm").exists()


def test_a_run_that_only_looks_verifies_and_leaves_nothing(package: OpenPackage) -> None:
    looking = replace(package, keeps=False)
    looking.check()
    assert not package.private.exists()
    data = bytearray(package.path.read_bytes())
    data[-5] ^= 1  # the frame's checksum: only reading all of it tells
    package.path.write_bytes(data)
    with pytest.raises(PackageError):
        looking.check()


def test_without_room_it_is_verified_and_not_unpacked(package: OpenPackage) -> None:
    package.check(room=False)
    assert not package.private.exists()
    package.path.write_bytes(package.path.read_bytes()[:-1])
    with pytest.raises(PackageError):
        package.check(room=False)


def test_space_that_was_taken_is_not_asked_for_again(tmp_path: Path) -> None:
    true_package(tmp_path / "package.tar.zst", tmp_path / "source", {"bin/kubelet": bytes(5 * MIB)})
    opened = OpenPackage.open(tmp_path / "package.tar.zst", "worker", tmp_path / "private")
    assert (opened.own_mib(), opened.unpacked_mib()) == (5, 15)
    opened.check()
    assert (opened.own_mib(), opened.unpacked_mib()) == (0, 10)


@pytest.mark.parametrize(("what", "data", "code"), DAMAGED, ids=[each[0] for each in DAMAGED])
@pytest.mark.parametrize("keeps", [True, False])
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, what: str, data: bytes, code: str, *, keeps: bool
) -> None:
    (tmp_path / "package.tar.zst").write_bytes(data)

    def read() -> None:
        opened = OpenPackage.open(tmp_path / "package.tar.zst", "edge", tmp_path / "edgeadm/private")
        replace(opened, keeps=keeps).check()

    with pytest.raises(PackageError) as refused:
        read()
    assert refused.value.code == code, what
    assert not (tmp_path / "edgeadm").exists()


def test_progress_is_said_now_and_then() -> None:
    now = 0.0
    said: list[str] = []
    progress = Progress(1000 * MIB, said.append, lambda: now)
    entry = FileEntry("x", ("edge",), "program", 1, 0o755, "")
    # Each step: seconds since the start, MiB done, and whether a line is due.
    steps = [(1, 150, False), (2.5, 150, True), (3, 300, False), (9, 160, False), (13, 170, True)]
    for seconds, done, due in [*steps, (99, 1000, False)]:
        now, before = seconds, len(said)
        progress(entry, done * MIB)
        assert (len(said) > before) == due, (seconds, done)
    assert said[0] == "150 of 1000 MiB of the package (15 %)"


def test_it_says_what_it_does(package: OpenPackage) -> None:
    said: list[str] = []
    package.check(said.append)
    assert said == ["verifying and unpacking the package, 1 MiB"]
    said.clear()
    package.check(said.append)
    assert said == []


@pytest.mark.parametrize(
    ("repository", "found"),
    [
        ("pause", "registry:5000/pause:3.10.1"),
        ("coredns", "registry.k8s.io/coredns/coredns@sha256:0123"),
        ("edgeadm.io/approver", "edgeadm.io/approver:v1.0.0"),
        ("approver", "edgeadm.io/approver:v1.0.0"),
        ("kube-vip", ""),
        ("flannel", ""),  # of edge nodes alone
    ],
)
def test_an_image_is_found_by_its_repository(repository: str, found: str, package: OpenPackage) -> None:
    names = {
        "ghcr.io/x/not-pause:1": ("control-plane",),
        "registry:5000/pause:3.10.1": ("control-plane", "edge"),
        "registry.k8s.io/coredns/coredns@sha256:0123": ("control-plane",),
        "edgeadm.io/approver:v1.0.0": ("control-plane",),
        "ghcr.io/flannel-io/flannel:v1": ("edge",),
    }
    images = tuple(ImageEntry(name, "images/pause.tar", "", roles) for name, roles in names.items())
    holding = replace(package, manifest=replace(package.manifest, images=images))
    assert holding.image_named(repository) == found
