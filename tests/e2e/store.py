"""The directory of the end-to-end tests' sandboxes: on XFS, where the copy of a saved disk takes no time and
no space. Most hosts have ext4, where each restore of a site writes four gigabytes.

Source: xfs(5), `reflink`; cp(1), `--reflink=auto`."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.sandbox import Store

BASE = Path("/var/lib/edgeadm-e2e")
SHARE = 0.8  # of the free space: XFS believes that it has all of its size


def prepared() -> Store:
    """The store of this host's end-to-end tests. `EDGEADM_SANDBOX_DIR` names another directory; without
    mkfs.xfs it is the directory of all sandboxes."""
    if "EDGEADM_SANDBOX_DIR" in os.environ:
        return Store()
    if shutil.which("mkfs.xfs") is None:
        sys.stderr.write("mkfs.xfs (xfsprogs) is not installed: each restore copies the disks\n")
        return Store()
    BASE.mkdir(parents=True, exist_ok=True)
    with BASE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.ismount(BASE):
            _mount(BASE.with_suffix(".img"))
    return Store(BASE)


def _mount(file: Path) -> None:
    if not file.exists():
        part = file.with_suffix(".part")
        with part.open("wb") as out:
            out.truncate(int(shutil.disk_usage(file.parent).free * SHARE))
        execute(["mkfs.xfs", "-q", "-f", "-m", "reflink=1", str(part)]).checked()
        part.replace(file)
    # Without direct I/O each block would be in this host's page cache twice.
    loop = execute(["losetup", "--find", "--show", "--direct-io=on", str(file)]).checked().out.strip()
    try:
        execute(["mount", "-t", "xfs", "-o", "noatime,discard", loop, str(BASE)]).checked()
    finally:
        execute(["losetup", "--detach", loop])  # once it is unmounted
