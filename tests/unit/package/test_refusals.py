"""Packages that must be refused: each with its own code, whole and unpacked, and with nothing left behind."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import zstandard

from edgeadm.package import unpack, verify
from edgeadm.package.errors import PackageError
from tests.unit.package.crafted import about, elf, entry, link_entry, manifest, member, pack, tar, zstd

A, B = entry("bin/a"), entry("bin/b")
CONTENTS = tar(about(manifest(A, B)), member("bin/a"), member("bin/b"))
GOOD = zstd(CONTENTS)
BIG = entry("bin/big", b"x" * 400_000)
SPACES = manifest(edgeadm=" " * (17 << 20))

REFUSED: list[tuple[str, bytes, str]] = [
    ("a file whose bytes differ", pack(about(manifest(A)), member("bin/a", b"y")), "package-file-altered"),
    ("a file that is longer", pack(about(manifest(A)), member("bin/a", b"xx")), "package-file-altered"),
    (
        "a file with another mode",
        pack(about(manifest(entry("bin/a", mode="0644"))), member("bin/a")),
        "package-file-altered",
    ),
    (
        "a link where a file should be",
        pack(about(manifest(A)), member("bin/a", kind=tarfile.SYMTYPE, target="b")),
        "package-file-altered",
    ),
    (
        "a link with another target",
        pack(
            about(manifest(A, link_entry("bin/l", "a"))),
            member("bin/a"),
            member("bin/l", kind=tarfile.SYMTYPE, target="b"),
        ),
        "package-file-altered",
    ),
    ("a file that is missing", pack(about(manifest(A, B)), member("bin/a")), "package-file-missing"),
    ("all files missing", pack(about(manifest(A, B))), "package-file-missing"),
    (
        "a file that the manifest does not list",
        pack(about(manifest(A)), member("bin/a"), member("bin/b")),
        "package-file-extra",
    ),
    ("a second manifest", pack(about(manifest()), about(manifest())), "package-file-extra"),
    (
        "the same file twice",
        pack(about(manifest(A)), member("bin/a"), member("bin/a")),
        "package-duplicate",
    ),
    ("the same path listed twice", pack(about(manifest(A, A)), member("bin/a")), "package-duplicate"),
    ("an absolute path in the archive", pack(about(manifest(A)), member("/etc/passwd")), "package-path"),
    ("an absolute path in the manifest", pack(about(manifest(entry("/etc/passwd")))), "package-path"),
    ("a path that climbs", pack(about(manifest(entry("bin/../../x")))), "package-path"),
    ("a path that climbs in the archive", pack(about(manifest(A)), member("../x")), "package-path"),
    ("a path with a line break", pack(about(manifest(entry("bin/a\nb")))), "package-path"),
    ("a path that is not plain", pack(about(manifest(entry("bin//a")))), "package-path"),
    ("a file below a file", pack(about(manifest(A, entry("bin/a/b")))), "package-path"),
    ("a link that leaves the tree", pack(about(manifest(link_entry("bin/l", "../../x")))), "package-link"),
    ("a link to an absolute path", pack(about(manifest(link_entry("bin/l", "/etc")))), "package-link"),
    ("a link to the whole tree", pack(about(manifest(link_entry("bin/l", "..")))), "package-link"),
    ("a link to itself", pack(about(manifest(link_entry("bin/l", "l")))), "package-link"),
    (
        "a file that lies behind a link",
        pack(about(manifest(link_entry("bin/l", "d"), entry("bin/l/a")))),
        "package-link",
    ),
    (
        "a link through a link",
        pack(about(manifest(link_entry("bin/l", "d"), link_entry("bin/m", "l/x")))),
        "package-link",
    ),
    ("a device", pack(about(manifest(A)), member("bin/a", kind=tarfile.CHRTYPE)), "package-entry-kind"),
    ("a disk", pack(about(manifest(A)), member("bin/a", kind=tarfile.BLKTYPE)), "package-entry-kind"),
    ("a named pipe", pack(about(manifest(A)), member("bin/a", kind=tarfile.FIFOTYPE)), "package-entry-kind"),
    (
        "a hard link",
        pack(about(manifest(A)), member("bin/a", kind=tarfile.LNKTYPE, target="/etc/shadow")),
        "package-entry-kind",
    ),
    (
        "an extended header",
        pack(about(manifest(A)), member("bin/a", kind=tarfile.XHDTYPE)),
        "package-entry-kind",
    ),
    (
        "a program for another processor",
        pack(about(manifest(entry("bin/a", elf(183)))), member("bin/a", elf(183))),
        "package-arch",
    ),
    ("a package for another processor", pack(about(manifest(arch="arm64"))), "package-arch"),
    ("a newer schema", pack(about(manifest(schema=2))), "package-schema"),
    ("no schema", pack(about({"files": []})), "package-manifest"),
    ("a schema that is no number", pack(about(manifest(schema="1"))), "package-manifest"),
    ("a manifest that is not JSON", pack(about(b"files: []")), "package-manifest"),
    ("a manifest that is a list", pack(about([])), "package-manifest"),
    ("a manifest of a thousand brackets", pack(about(b"[" * 100_000)), "package-manifest"),
    ("a file without a size", pack(about(manifest(entry("a", size=None)))), "package-manifest"),
    ("a file of negative size", pack(about(manifest(entry("a", size=-1)))), "package-manifest"),
    ("a hash that is none", pack(about(manifest(entry("a", sha256="00")))), "package-manifest"),
    ("a mode with set-user-id", pack(about(manifest(entry("a", mode="4755")))), "package-manifest"),
    ("a kind that does not exist", pack(about(manifest(entry("a", kind="script")))), "package-manifest"),
    ("a role that does not exist", pack(about(manifest(entry("a", roles=["master"])))), "package-manifest"),
    ("a file for nobody", pack(about(manifest(entry("a", roles=[])))), "package-manifest"),
    ("files that are no list", pack(about(manifest(files={}))), "package-manifest"),
    (
        "an image without its file",
        pack(about(manifest(images=[{"name": "x:1", "file": "x", "digest": "", "roles": ["edge"]}]))),
        "package-manifest",
    ),
    ("an oversized manifest", pack(about(SPACES)), "package-manifest-size"),
    ("an archive without a manifest", pack(member("bin/a")), "not-a-package"),
    ("an empty archive", zstd(bytes(1024)), "not-a-package"),
    ("a file that is no archive", b"#!/bin/sh\nrm -rf /\n", "not-a-package"),
    ("an empty file", b"", "not-a-package"),
    ("compressed text", zstd(b"hello" * 200), "package-damaged"),
    (
        "a header with a wrong checksum",
        pack(about(manifest(A)), member("bin/a"), change=lambda data: data.replace(b"bin/a\0", b"bin/c\0")),
        "package-damaged",
    ),
    (
        "a gap before the end",
        zstd(tar(about(manifest()))[:-512] + b"\1" * 512),
        "package-damaged",
    ),
    ("a first byte only", GOOD[:1], "not-a-package"),
    ("a header only", GOOD[:6], "package-truncated"),
    ("half a package", GOOD[: len(GOOD) // 2], "package-truncated"),
    ("a package without its last byte", GOOD[:-1], "package-truncated"),
    ("an archive without its end", zstd(tar(about(manifest()))[:-1024]), "package-truncated"),
    ("a file that is cut off", zstd(tar(about(manifest(BIG)), member("bin/big", b"x" * 400_000))[:9000]),
     "package-truncated"),
    ("a byte after the end", GOOD + b"\n", "package-trailing-bytes"),
    ("a second package after the end", GOOD + GOOD, "package-trailing-bytes"),
    ("a skippable frame after the end", GOOD + b"\x50\x2a\x4d\x18\1\0\0\0x", "package-trailing-bytes"),
    ("zeros after the archive", zstd(tar(about(manifest())) + bytes(512)), "package-trailing-bytes"),
    ("a gzip archive without a checksum", b"\x1f\x8b\x08" + bytes(20), "package-checksum-missing"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_bad_package_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes, code: str) -> None:
    package = tmp_path / "in" / "package.tar.zst"
    package.parent.mkdir()
    package.write_bytes(data)
    with pytest.raises(PackageError) as refused:
        verify(package, arch="amd64")
    assert (refused.value.code, refused.value.exit_code) == (code, 6)
    assert refused.value.hint
    target = tmp_path / "out" / "package"
    with pytest.raises(PackageError) as again:
        unpack(package, target, arch="amd64")
    assert again.value.code == code
    assert list(target.parent.iterdir()) == []


def test_one_flipped_bit_is_refused_wherever_it_changes_the_contents(tmp_path: Path) -> None:
    package = tmp_path / "package.tar.zst"
    refused = 0
    for position in range(len(GOOD)):
        spoilt = bytearray(GOOD)
        spoilt[position] ^= 1
        package.write_bytes(spoilt)
        try:
            verify(package)
        except PackageError:
            refused += 1
        else:  # a few bits of the compressed form mean nothing
            assert zstandard.ZstdDecompressor().decompressobj().decompress(spoilt) == CONTENTS
    assert refused > 0.95 * len(GOOD)


def test_the_package_that_the_others_are_spoilt_from_is_good(tmp_path: Path) -> None:
    package = tmp_path / "package.tar.zst"
    package.write_bytes(GOOD)
    assert [each.path for each in verify(package, arch="amd64").files] == ["bin/a", "bin/b"]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("nothing there", "package-not-found"),
        ("a folder without a manifest", "not-a-package"),
        ("a file with something below it", "package-not-found"),
    ],
)
def test_what_is_no_package_at_all(tmp_path: Path, what: str, code: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    places = {
        "nothing there": tmp_path / "none",
        "a folder without a manifest": tmp_path,
        "a file with something below it": tmp_path / "file" / "package",
    }
    with pytest.raises(PackageError) as refused:
        verify(places[what])
    assert refused.value.code == code
