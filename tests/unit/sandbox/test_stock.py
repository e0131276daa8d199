"""Debian's kernel for virtual machines: where it comes from, its initrd, and whether KVM runs it."""

from __future__ import annotations

import lzma
import stat
from pathlib import Path

import pytest

from edgeadm.sandbox import initrd, stock, vm
from edgeadm.sandbox.archive import Archive
from edgeadm.sandbox.errors import VmAccelError, VmKernelError
from edgeadm.sandbox.image import Source

DEP = """\
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko kernel/fs/mbcache.ko
kernel/lib/crc16.ko:
kernel/fs/mbcache.ko:
kernel/crypto/crc32c_generic.ko:
kernel/fs/other.ko: kernel/lib/crc16.ko
"""


def test_modules_come_after_those_that_they_need_and_no_others_come() -> None:
    found = [Path(path).name for path in initrd.modules(DEP)]
    assert set(found) == {
        "virtio.ko",
        "virtio_ring.ko",
        "virtio_blk.ko",
        "crc32c_generic.ko",
        "ext4.ko.xz",
        "crc16.ko",
        "mbcache.ko",
    }
    assert found.index("virtio_ring.ko") < found.index("virtio.ko") < found.index("virtio_blk.ko")
    assert found.index("crc16.ko") < found.index("ext4.ko.xz") > found.index("mbcache.ko")


def read_cpio(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Name → mode and content, as the kernel reads the form `newc`."""
    found, at = {}, 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length - 1].decode()
        body = at + (110 + length + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, data[body : body + size])
        at = body + (size + 3) // 4 * 4


def test_the_first_file_system_is_an_archive_that_the_kernel_reads() -> None:
    found = read_cpio(b"".join(initrd.cpio(("dev",), {"init": (0o755, b"#!/bin/sh\n"), "x": (0o644, b"")})))
    assert found["init"] == (stat.S_IFREG | 0o755, b"#!/bin/sh\n")
    assert stat.S_ISCHR(found["dev/console"][0])
    assert stat.S_ISDIR(found["dev"][0])


def test_modules_are_in_it_uncompressed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for text in DEP.splitlines():
        path = tree / text.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.compress(b"ext4") if path.suffix == ".xz" else path.name.encode())
    (tree / "modules.dep").write_text(DEP)
    (tmp_path / "busybox").write_bytes(b"busybox")
    initrd.build(tree, tmp_path / "busybox", tmp_path / "initrd")
    import gzip

    found = read_cpio(gzip.decompress((tmp_path / "initrd").read_bytes()))
    assert found["modules/ext4.ko"][1] == b"ext4"
    order = found["modules.order"][1].decode().split()
    assert all(f"modules/{name}" in found for name in order)
    assert len(order) == 7


def test_packages_come_from_the_place_of_the_root_image_and_nothing_of_this_machine_counts(
    tmp_path: Path,
) -> None:
    own = Archive(Source("bookworm", "main", "http://mirror.example/debian", "/etc/key.gpg"), tmp_path)
    assert own.source_line() == "deb [signed-by=/etc/key.gpg] http://mirror.example/debian bookworm main"
    default = Archive(Source("trixie"), tmp_path)
    assert default.source_line().endswith("http://deb.debian.org/debian trixie main")
    settings = own.settings()
    for name in ("Dir::State::lists", "Dir::State::status", "Dir::Cache", "Dir::Etc::SourceList"):
        assert f'{name} "{tmp_path}/' in settings
    assert 'Dir::Etc::SourceParts "-"' in settings


def image(folder: Path, text: str) -> Path:
    (folder / "etc").mkdir()
    (folder / "etc/os-release").write_text(text)
    return folder


def test_the_kernel_is_that_of_the_nodes_release(tmp_path: Path) -> None:
    assert stock.suite_of(image(tmp_path, "ID=debian\nVERSION_CODENAME=trixie\n")) == "trixie"


def test_another_distribution_has_none(tmp_path: Path) -> None:
    with pytest.raises(VmKernelError, match="there is no kernel for Ubuntu"):
        stock.suite_of(image(tmp_path, 'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04"\nVERSION_CODENAME=noble\n'))


@pytest.fixture
def asked(tmp_path: Path) -> stock.Kernel:
    """A kernel whose probe was made in this boot: KVM does not run it."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (tmp_path / "kvm").write_text(f"{boot} no\n")
    return stock.Kernel(tmp_path)


def test_kvm_is_taken_where_a_stock_kernel_boots_with_it(asked: stock.Kernel) -> None:
    assert stock.accel_of("auto", asked) == vm.TCG
    assert stock.accel_of("tcg", asked) == vm.TCG
    known = asked.folder / "kvm"
    known.write_text(known.read_text().replace("no", "yes"))
    assert stock.accel_of("kvm", asked) == vm.KVM
    assert stock.accel_of("tcg", asked) == vm.TCG


def test_kvm_that_runs_no_stock_kernel_is_refused_if_asked_for(asked: stock.Kernel) -> None:
    with pytest.raises(VmAccelError) as raised:
        stock.accel_of("kvm", asked)
    assert "--accel auto" in raised.value.hint


def test_the_probe_boots_the_same_kernel_and_ends(asked: stock.Kernel) -> None:
    words = " ".join(stock.probe(asked))
    assert f"-kernel {asked.folder}/vmlinuz" in words
    assert "-no-reboot" in words
    assert initrd.PROBE in words


def test_older_packages_are_merged_into_usr(tmp_path: Path) -> None:
    for path in ("lib/modules/6.1/a.ko", "usr/lib/other", "sbin/tool"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    stock.merge_usr(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["usr"]
    assert (tmp_path / "usr/lib/modules/6.1/a.ko").exists()
    assert (tmp_path / "usr/lib/other").exists()
    assert (tmp_path / "usr/sbin/tool").exists()
