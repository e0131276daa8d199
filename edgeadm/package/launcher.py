"""The C library of the executable, and the script that starts the program with it.

Otherwise the tree would require the build host's glibc or a newer one, which many edge hosts do not have. The
program does not use the host's C library; it depends only on the kernel.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edgeadm.package.elf import loader
from edgeadm.package.freeze import PROGRAM, ExecutableError

# Libraries of glibc that programs may load. The last two are part of libc itself since 2.34.
LIBRARIES = (
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libnss_files.so.2",
    "libnss_dns.so.2",
)

# `$0` is the path without resolved links: the program may be a link on PATH.
SCRIPT = """#!/bin/sh
here=$(readlink -f "$0")
here=${{here%/*}}/{inside}
exec "$here/{loader}" --library-path "$here" "$here/{program}" "$@"
"""


def bring_libc(inside: Path) -> str:
    """Copy this host's C library and loader to the directory of the program; returns the loader's file
    name."""
    path = Path(loader(inside / PROGRAM))
    home = path.resolve().parent
    if not (home / LIBRARIES[0]).is_file():
        raise ExecutableError(
            f"{home} contains no glibc, which the executable takes from the build host",
            hint="build on a host with glibc; the result runs on any other host, too",
        )
    shutil.copyfile(path, inside / path.name)
    (inside / path.name).chmod(0o755)
    for name in LIBRARIES:
        if (home / name).is_file():
            shutil.copyfile(home / name, inside / name)
    return path.name


def libc_version() -> str:
    """The version of this host's glibc, such as `2.36`."""
    return (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ")


def command(inside: str, loader_name: str) -> list[str]:
    """The command line of the program, without the shell of the launcher's script."""
    return [f"{inside}/{loader_name}", "--library-path", inside, f"{inside}/{PROGRAM}"]


def write_launcher(tree: Path, name: str, inside: str, loader_name: str) -> None:
    """The script `name` at the top of the tree."""
    script = tree / name
    script.write_text(SCRIPT.format(inside=inside, loader=loader_name, program=PROGRAM), encoding="utf-8")
    script.chmod(0o755)
