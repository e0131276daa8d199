"""A node's files, compared from outside: content, mode, owner, kind, link target, and what is deleted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.files import Digests, Tree, contents


class Disk:
    """An image with a few files, and the disk over it."""

    def __init__(self, folder: Path) -> None:
        self.layer, self.image, self.upper = (folder / name for name in ("layer", "image", "upper"))
        for each in (self.layer, self.image, self.upper):
            (each / "etc/deep").mkdir(parents=True)
        (self.image / "etc/hosts").write_text("127.0.0.1\n")
        (self.image / "etc/deep/file").write_text("below\n")
        (self.image / "etc/link").symlink_to("hosts")
        (self.layer / "etc/tool").write_text("tool\n")
        self.opaque: set[Path] = set()
        self.digests = Digests()

    def lines(self, *pruned: str) -> set[str]:
        lower = (self.layer, self.image)
        return set(Tree(self.upper, lower, pruned, self.digests, lambda path: path in self.opaque).lines())

    def write(self, path: str, text: str) -> Path:
        (self.upper / path).parent.mkdir(parents=True, exist_ok=True)
        (self.upper / path).write_text(text)
        return self.upper / path


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def whiteout(disk: Disk, path: str) -> None:
    os.mknod(disk.upper / path, stat.S_IFCHR, 0)


def link(disk: Disk) -> None:
    (disk.upper / "etc/link").symlink_to("elsewhere")


def another_kind(disk: Disk) -> None:
    (disk.upper / "etc/hosts").mkdir()


def opaque(disk: Disk) -> None:
    disk.opaque.add(disk.upper / "etc/deep")


CHANGES: dict[str, tuple[Callable[[Disk], object], set[str]]] = {
    "a new file": (lambda disk: disk.write("opt/new", "x"), {"/opt", "/opt/new"}),
    "other content": (lambda disk: disk.write("etc/hosts", "changed\n"), {"/etc/hosts"}),
    "another mode": (lambda disk: disk.write("etc/hosts", "127.0.0.1\n").chmod(0o600), {"/etc/hosts"}),
    "another link target": (link, {"/etc/link"}),
    "another kind": (another_kind, {"/etc/hosts"}),
    "a deleted file": (lambda disk: whiteout(disk, "etc/tool"), {"/etc/tool"}),
    "a folder that was deleted and made anew": (opaque, {"/etc/deep/file"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_seen(change: str, disk: Disk) -> None:
    before = disk.lines()
    CHANGES[change][0](disk)
    assert {line.split()[0] for line in disk.lines() - before} == CHANGES[change][1]


def test_a_copy_of_what_is_below_is_no_change(disk: Disk) -> None:
    """Overlay copies a file up when it is opened for writing; nobody need have changed it."""
    before = disk.lines()
    disk.write("etc/hosts", "127.0.0.1\n")
    (disk.upper / "etc/link").symlink_to("hosts")
    whiteout(disk, "etc/never-there")
    assert disk.lines() == before


def test_what_is_put_back_is_as_it_was(disk: Disk) -> None:
    file = disk.write("etc/own", "mine\n")
    before = disk.lines()
    file.write_text("theirs\n")
    assert disk.lines() != before
    file.write_text("mine\n")
    assert disk.lines() == before


def test_content_that_changes_behind_equal_size_and_time_is_seen(disk: Disk) -> None:
    """The time of the last change of metadata cannot be set back."""
    file = disk.write("etc/own", "mine\n")
    before, found = disk.lines(), file.stat()
    file.write_text("your\n")
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert disk.lines() != before


def test_a_file_whose_metadata_stays_is_read_once(disk: Disk) -> None:
    file = disk.write("etc/own", "mine\n")
    disk.lines()
    known = dict(disk.digests.known)
    disk.lines()
    assert disk.digests.known == known
    file.write_text("theirs\n")
    disk.lines()
    assert disk.digests.known != known


def test_places_that_change_by_themselves_are_left_out(disk: Disk) -> None:
    disk.write("var/log/journal/deep/file", "x")
    disk.write("tmp/systemd-private-1/x", "x")
    found = {line.split()[0] for line in disk.lines("/var/log/journal", "/tmp/systemd-private-*")}
    assert found == {"/tmp", "/var", "/var/log"}


def test_files_are_searched_again_if_one_gets_its_final_name(tmp_path: Path) -> None:
    """kubelet writes a certificate to a temporary file: that name is found, and gone when it is read."""
    temporary, final = tmp_path / ".123", tmp_path / "kubelet.pem"
    temporary.write_bytes(b"key")

    def search() -> list[Path]:
        found = list(tmp_path.iterdir())
        if temporary.exists():
            temporary.rename(final)
        return found

    assert contents(search) == {final: b"key"}
