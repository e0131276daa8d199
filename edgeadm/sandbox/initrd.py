"""The initrd of a virtual machine: kernel modules for its disk, busybox, and a script that mounts the disk
and starts its init. It is small, because emulation makes decompression slow."""

from __future__ import annotations

import gzip
import lzma
import stat
from collections.abc import Iterator
from pathlib import Path

# Modules for the disk; built-in ones are not in modules.dep.
WANTED = ("virtio_pci", "virtio_blk", "crc32c_generic", "crc32c_intel", "ext4")
PROBE = "edgeadm.probe"  # kernel parameter: print RUNS and power off
RUNS = "edgeadm: this kernel runs"
INIT = f"""\
#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
if busybox grep -q {PROBE} /proc/cmdline; then
    echo "{RUNS}"
    busybox poweroff -f
fi
for module in $(busybox cat /modules.order); do busybox insmod "/modules/$module"; done
until [ -b /dev/vda ]; do busybox sleep 0.05; done
busybox mount -t ext4 -o ro /dev/vda /root || exec busybox sh
busybox mount --move /dev /root/dev
busybox umount /proc
exec busybox switch_root /root /sbin/init
"""


def modules(listed: str, wanted: tuple[str, ...] = WANTED) -> list[str]:
    """The paths of modules and their dependencies from modules.dep, in loading order."""
    needs = {}
    for line in listed.splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    by_name = {_name(path): path for path in needs}
    order: list[str] = []

    def add(path: str) -> None:
        for other in reversed(needs[path]):  # modules.dep lists the first one to load last
            add(other)
        if path not in order:
            order.append(path)

    for name in wanted:
        if name in by_name:
            add(by_name[name])
    return order


def build(tree: Path, busybox: Path, target: Path) -> None:
    """Write the initrd for the kernel with the modules and modules.dep in `tree`."""
    order = modules((tree / "modules.dep").read_text())
    files = {
        "init": (0o755, INIT.encode()),
        "bin/busybox": (0o755, busybox.read_bytes()),
        "modules.order": (0o644, "".join(f"{_name(path)}.ko\n" for path in order).encode()),
        **{f"modules/{_name(path)}.ko": (0o644, _plain(tree / path)) for path in order},
    }
    part = target.with_suffix(".part")
    with gzip.open(part, "wb", compresslevel=6) as out:
        for piece in cpio(("bin", "dev", "modules", "proc", "root"), files):
            out.write(piece)
    part.replace(target)


def cpio(folders: tuple[str, ...], files: dict[str, tuple[int, bytes]]) -> Iterator[bytes]:
    """An archive in the format `newc`, with /dev/console, which the kernel opens for init."""
    number = 0
    for path in folders:
        number += 1
        yield _entry(number, path, stat.S_IFDIR | 0o755, b"")
    number += 1
    yield _entry(number, "dev/console", stat.S_IFCHR | 0o600, b"", device=(5, 1))
    for path, (mode, data) in files.items():
        number += 1
        yield _entry(number, path, stat.S_IFREG | mode, data)
    yield _entry(0, "TRAILER!!!", 0, b"")


def _entry(number: int, path: str, mode: int, data: bytes, device: tuple[int, int] = (0, 0)) -> bytes:
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _name(path: str) -> str:
    return Path(path).name.partition(".ko")[0].replace("-", "_")


def _plain(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
