"""iptables for hosts without it: one program, its extensions, and a small script per command name.

A script prefers the host's own program, including one that is installed later. The library path does not
affect extensions, so the script sets the variable for their directory.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgeadm.package.errors import BuildError

LIBRARIES = "usr/lib/*-linux-gnu"
# Matches and targets of IPv4 and IPv6; others are for bridges and for ARP.
WANTED = re.compile(r"lib(xt|ipt|ip6t)_\w+\.so")
SCRIPT = """\
#!/bin/sh
# Written by edgeadm: the host's own program if it is installed, else that of edgeadm's package.
name=${{0##*/}}
for place in /usr/sbin /sbin /usr/bin /bin; do
    [ ! -x "$place/$name" ] || exec "$place/$name" "$@"
done
XTABLES_LIBDIR={home}/{extensions} exec {home}/{program} "$name" "$@"
"""


def command(home: str, program: str, extensions: str) -> str:
    """The script, which calls the program in `home` under its own name."""
    return SCRIPT.format(home=home, program=program, extensions=extensions)


def extensions_of(root: Path, folder: str) -> list[str]:
    """Paths below `root` of the extensions in the directory, relative to Debian's libraries; empty without a
    directory.

    Raises BuildError if the directory contains none.
    """
    if not folder:
        return []
    found = [path for path in sorted(root.glob(f"{LIBRARIES}/{folder}/*.so")) if WANTED.fullmatch(path.name)]
    if not found:
        raise BuildError(f"no Debian package contains extensions in {LIBRARIES}/{folder}")
    return [path.relative_to(root).as_posix() for path in found]
