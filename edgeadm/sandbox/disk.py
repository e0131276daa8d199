"""A node's disk: a file system in a sparse file, so that a node never sees the host's disk."""

from __future__ import annotations

import os
from pathlib import Path

from edgeadm.hosts.process import execute

SIZE = 20 << 30  # bytes; unwritten blocks use no space, and blocks deleted in a node are freed
# Lazy initialisation is off because it would fill the file with zeros in the background. Barriers are off:
# the kernel keeps running in a node's power cut, so no ordering is required.
OPTIONS = "loop,noatime,discard,noinit_itable,nobarrier"


def attach(folder: Path, lower: list[Path]) -> Path:
    """Mount the node's disk and, over `lower` (topmost first), its root; creates both on first use. Returns
    the root."""
    disk, root = folder / "disk", folder / "root"
    for made in (disk, root):
        made.mkdir(parents=True, exist_ok=True)
    if not os.path.ismount(disk):
        file = folder / "disk.img"
        if not file.exists():
            make(file)
        execute(["e2fsck", "-p", str(file)])
        execute(["mount", "-t", "ext4", "-o", OPTIONS, str(file), str(disk)]).checked()
    for name in ("upper", "work", "containerd", "kubelet"):
        (disk / name).mkdir(exist_ok=True)
    if not os.path.ismount(root):
        layers = ":".join(map(str, lower))
        options = f"lowerdir={layers},upperdir={disk / 'upper'},workdir={disk / 'work'}"
        execute(["mount", "-t", "overlay", "overlay", "-o", options, str(root)]).checked()
    return root


def flush(folder: Path) -> None:
    """Flush all buffers to the disk's file.

    Another mount namespace may keep the file system mounted after `detach`, which then flushes nothing.
    """
    disk = folder / "disk"
    if os.path.ismount(disk):
        execute(["sync", "--file-system", str(disk)]).checked()


def detach(folder: Path) -> None:
    """Unmount everything below the directory, and detach its loop devices."""
    for mount in mounts_below(folder):
        if execute(["umount", mount]).code:
            execute(["umount", "--lazy", mount]).checked()
    file = folder / "disk.img"
    if file.exists():
        for line in execute(
            ["losetup", "--noheadings", "--output", "NAME", "--associated", str(file)]
        ).out.split():
            execute(["losetup", "--detach", line])


def mounts_below(folder: Path) -> list[str]:
    """The mount points below a directory, innermost first."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True)


def make(file: Path) -> None:
    """Create a sparse file with an empty file system of `SIZE` bytes."""
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with part.open("wb") as out:
        out.truncate(SIZE)
    argv = ["mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=64"]
    execute([*argv, "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", str(part)]).checked()
    part.replace(file)
