"""iptables and nft with their libraries, copied from the Debian build host.

kube-proxy and flannel call them inside their images. They are not Go programs, so they are not built from
source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.package.builder.layers import LayerFile
from edgeadm.package.errors import BuildError

DEBIAN = ("iptables", "nftables")
MULTI = "usr/sbin/xtables-nft-multi"
PROGRAMS = (MULTI, "usr/sbin/nft")
FAMILIES = ("iptables", "ip6tables")
SUFFIXES = ("", "-save", "-restore")


def packet_filter_files(root: Path = Path("/")) -> list[LayerFile]:
    """The programs, their extensions, the libraries in the output of `ldd` for both, and the links that
    callers use.

    Raises BuildError if one of them is missing.
    """
    libraries: set[str] = set()
    for program in PROGRAMS:
        if not (root / program).is_file():
            raise BuildError(
                f"/{program} is not installed on this host", hint="apt-get install iptables nftables"
            )
        libraries |= _libraries(root, [program])
    extensions = list(_extensions(root, libraries))
    # `statistic`, which every Service with two Pods requires, loads a library that no program links.
    libraries |= _libraries(root, extensions)
    # Sorted, because their order is part of the cache key.
    paths = sorted({*PROGRAMS, *libraries, *extensions})
    files = [_file(root, path) for path in paths]
    return [*files, *links()]


def _libraries(root: Path, paths: list[str]) -> set[str]:
    argv = ["ldd", *(str(root / path) for path in paths)]
    return libraries_of(execute(argv, env={"LC_ALL": "C"}).checked().out)


def libraries_of(ldd: str) -> set[str]:
    """Paths in the output of `ldd`, without the leading slash."""
    return {found[1] for found in re.finditer(r"(?:^|\s)/(\S+) \(0x", ldd)}


def links() -> Iterator[LayerFile]:
    """The names of iptables, all for the nft variant: iptables, iptables-nft-save …"""
    for family in FAMILIES:
        for variant in ("", "-nft"):
            for suffix in SUFFIXES:
                yield LayerFile(f"usr/sbin/{family}{variant}{suffix}", target=MULTI.rpartition("/")[2])


def _extensions(root: Path, libraries: set[str]) -> Iterator[str]:
    """The directory of xtables' matches and targets, named after the host's architecture."""
    xtables = next((path for path in libraries if "/libxtables.so" in path), "")
    folder = root / "usr/lib" / Path(xtables).parent.name / "xtables"
    found = sorted(folder.glob("lib*t*_*.so"))
    if not found:
        raise BuildError(f"{folder} contains no extensions of iptables", hint="apt-get install iptables")
    for path in found:
        if re.match(r"lib(xt|ipt|ip6t)_", path.name):
            yield path.relative_to(root).as_posix()


def _file(root: Path, path: str) -> LayerFile:
    return LayerFile(path, (root / path).resolve(), 0o755)
