"""True packages: written the same every time, read in part, verified, unpacked in one step."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edgeadm.package import FileEntry, Manifest, read_manifest, unpack, verify
from edgeadm.package.errors import BuildError, PackageError, PackageLinkError, PackageTargetError, UnpackError
from edgeadm.package.manifest import parse
from edgeadm.package.write import Input, write_package
from tests.unit.package.crafted import CONTENTS, elf, true_package


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "package.tar.zst"
    true_package(path, tmp_path / "source")
    return path


def test_same_files_give_the_same_bytes(tmp_path: Path, package: Path) -> None:
    source = tmp_path / "elsewhere"
    again = tmp_path / "again.tar.zst"
    true_package(again, source, dict(reversed(CONTENTS.items())))
    for path in source.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    third = tmp_path / "third.tar.zst"
    true_package(third, source)
    assert package.read_bytes() == again.read_bytes() == third.read_bytes()


def test_the_manifest_survives_being_written_and_read(package: Path) -> None:
    manifest = read_manifest(package)
    assert parse(manifest.to_json()) == manifest
    assert [each.path for each in manifest.files] == sorted([*CONTENTS, "edgeadm/link"])
    assert manifest.images[0].file == "images/pause.tar"
    assert manifest.components == {"runc": "v1.3.3"}


def test_reading_the_manifest_reads_nothing_else(tmp_path: Path) -> None:
    package = tmp_path / "package.tar.zst"
    true_package(package, tmp_path / "source", {"bin/large": os.urandom(1 << 20)})
    manifest = read_manifest(package)
    with package.open("r+b") as file:
        file.truncate(package.stat().st_size // 2)
    assert read_manifest(package) == manifest


def test_verify_tells_of_every_file(package: Path) -> None:
    told: list[tuple[str, int]] = []
    manifest = verify(package, arch="amd64", on_progress=lambda entry, done: told.append((entry.path, done)))
    assert [path for path, _ in told] == [each.path for each in manifest.files]
    assert told[-1][1] == sum(each.size for each in manifest.files)


def test_a_program_for_the_right_processor_passes(tmp_path: Path) -> None:
    package = tmp_path / "package.tar.zst"
    true_package(package, tmp_path / "source", {"bin/a": elf(62), "images/i.tar": elf(183)})
    verify(package, arch="amd64")


def test_unpack_writes_what_is_wanted_with_its_mode(tmp_path: Path, package: Path) -> None:
    target = tmp_path / "deep" / "unpacked"
    manifest = unpack(package, target, wanted=lambda entry: "control-plane" in entry.roles)
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    assert found == {"manifest.json", "edgeadm/link", *CONTENTS} - {"cni/bridge"}
    assert (target / "bin/kubelet").read_bytes() == CONTENTS["bin/kubelet"]
    assert stat.S_IMODE((target / "bin/kubelet").stat().st_mode) == 0o755
    assert (target / "edgeadm/link").readlink() == Path("edgeadm")
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert read_manifest(target) == manifest


def test_an_unpacked_package_is_a_package(tmp_path: Path, package: Path) -> None:
    folder = tmp_path / "folder"
    manifest = unpack(package, folder)
    assert verify(folder, arch="amd64") == manifest
    assert unpack(folder, tmp_path / "copy", wanted=lambda entry: entry.kind == "program") == manifest
    assert sorted(path.name for path in (tmp_path / "copy" / "bin").iterdir()) == ["kubeadm", "kubelet"]


def test_unpack_never_replaces_what_is_there(tmp_path: Path, package: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "precious").write_text("mine")
    with pytest.raises(PackageTargetError):
        unpack(package, target)
    assert (target / "precious").read_text() == "mine"


def test_the_target_appears_only_when_every_byte_was_checked(tmp_path: Path, package: Path) -> None:
    target = tmp_path / "out" / "target"

    def wanted(entry: FileEntry) -> bool:
        assert not target.exists()
        assert [stat.S_IMODE(path.stat().st_mode) for path in target.parent.iterdir()] == [0o700]
        return True

    unpack(package, target, wanted=wanted)
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_an_interrupted_unpack_leaves_nothing(tmp_path: Path, package: Path) -> None:
    def interrupt(entry: FileEntry) -> bool:
        if entry.path == "images/pause.tar":
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        unpack(package, tmp_path / "out" / "target", wanted=interrupt)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_cannot_be_written_to_is_named(tmp_path: Path, package: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnpackError) as refused:
        unpack(package, tmp_path / "file" / "target")
    assert (refused.value.code, refused.value.exit_code) == ("package-unpack", 4)


FOLDERS = [
    ("a changed file", lambda folder: (folder / "cni/bridge").write_bytes(b"BRIDGE"), "package-file-altered"),
    ("a longer file", lambda folder: (folder / "cni/bridge").write_bytes(b"bridges"), "package-file-altered"),
    ("a missing file", lambda folder: (folder / "cni/bridge").unlink(), "package-file-missing"),
    ("an extra file", lambda folder: (folder / "cni/extra").write_bytes(b""), "package-file-extra"),
    ("an extra link", lambda folder: (folder / "cni/l").symlink_to("/etc"), "package-file-extra"),
    ("a pipe", lambda folder: os.mkfifo(folder / "cni/pipe"), "package-entry-kind"),
    ("a cut manifest", lambda folder: (folder / "manifest.json").write_bytes(b"{"), "package-manifest"),
    ("no manifest", lambda folder: (folder / "manifest.json").unlink(), "not-a-package"),
    (
        "a link in place of a file",
        lambda folder: ((folder / "bin/kubeadm").unlink(), (folder / "bin/kubeadm").symlink_to("kubelet")),
        "package-file-altered",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "code"), [case[1:] for case in FOLDERS], ids=[case[0] for case in FOLDERS])
def test_a_spoilt_folder_is_refused(tmp_path: Path, package: Path, spoil: object, code: str) -> None:
    folder = tmp_path / "folder"
    unpack(package, folder)
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(PackageError) as refused:
        verify(folder)
    assert refused.value.code == code


def test_a_link_that_leaves_the_tree_cannot_be_packed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("../../etc")
    with pytest.raises(PackageLinkError):
        _write(tmp_path, Input(link, "edgeadm/link", ("edge",), "edgeadm"))
    assert not (tmp_path / "out.tar.zst").exists()


def test_a_path_that_no_tar_header_holds_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(BuildError, match="tar header"):
        _write(tmp_path, Input(file, "edgeadm/" + "x" * 200, ("edge",), "edgeadm"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(BuildError, match="could not be written"):
        _write(file, Input(file, "bin/file", ("edge",), "program"))


def _write(folder: Path, *inputs: Input) -> Manifest:
    return write_package(folder / "out.tar.zst", inputs, edgeadm="0", kubernetes="v1.34.4", arch="amd64")
