"""The C library that the executable brings along, and the script that starts the program with it.

Without it the tree would need the build machine's glibc or a newer one, which rules out many an edge machine.
With it nothing of the host's C library is used: what counts is the kernel alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edgeadm.package.elf import loader
from edgeadm.package.freeze import PROGRAM, ExecutableError

# What programs may load of glibc. The last two are part of libc itself from 2.34 on.
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

# `$0` is the path that was found, links not followed: the program may be on PATH as a link.
SCRIPT = """#!/bin/sh
here=$(readlink -f "$0")
here=${{here%/*}}/{inside}
exec "$here/{loader}" --library-path "$here" "$here/{program}" "$@"
"""


def bring_libc(inside: Path) -> str:
    """Put this machine's C library and loader into the folder of the program; the loader's file name."""
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
    """The version of this machine's glibc, such as `2.36`."""
    return (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ")


def write_launcher(tree: Path, name: str, inside: str, loader_name: str) -> None:
    """The script `name` at the top of the tree."""
    script = tree / name
    script.write_text(SCRIPT.format(inside=inside, loader=loader_name, program=PROGRAM), encoding="utf-8")
    script.chmod(0o755)
