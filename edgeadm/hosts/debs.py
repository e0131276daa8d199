"""Packages of Debian's archive that are unpacked, but never installed on this host.

Installing keepalived or haproxy would start a service. apt is run with an empty status file: it then resolves
and downloads a package with all dependencies, regardless of installed ones, and verifies signatures and
checksums as usual. It does not require root.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from edgeadm.errors import MissingToolError
from edgeadm.hosts.base import Result
from edgeadm.hosts.debian import LISTS, QUIET, is_debian
from edgeadm.hosts.process import execute

PLANNED = re.compile(r"^Inst (\S+) \((\S+) ", re.MULTILINE)
# Nothing is installed, and files are written only to the download directory.
SETTINGS = (
    "Dir::State::Status=/dev/null",
    "Dir::Cache::PkgCache=",
    "Dir::Cache::SrcPkgCache=",
    "Debug::NoLocking=1",
    "APT::Sandbox::User=root",
)


def archive_state(lists: Path = LISTS) -> str:
    """A hash of this host's package lists: it changes when `apt-get update` downloads new ones."""
    found = {path.name: path.read_bytes() for path in lists.glob("*Release")}
    texts = [f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(found.items())]
    return "\n".join(texts)


def resolve(names: Sequence[str]) -> dict[str, str]:
    """The packages with all dependencies → their versions in the archive.

    Raises MissingToolError if the host does not run Debian or a derivative, and if apt-get fails.
    """
    return dict(sorted(planned(_install(names, "--simulate").out).items()))


def planned(text: str) -> dict[str, str]:
    """Package → version, from the output of `apt-get --simulate install`."""
    return {found[1]: found[2] for found in PLANNED.finditer(text)}


def fetch(names: Sequence[str], root: Path) -> None:
    """Download the packages with all dependencies, and unpack them below `root`.

    Maintainer scripts are not run. Raises MissingToolError.
    """
    debs = root / ".debs"
    (debs / "partial").mkdir(parents=True)
    _install(names, "--download-only", "-o", f"Dir::Cache::Archives={debs}")
    for deb in sorted(debs.glob("*.deb")):
        execute(["dpkg-deb", "--extract", str(deb), str(root)]).checked()
    shutil.rmtree(debs)


def _install(names: Sequence[str], *options: str) -> Result:
    """The output of `apt-get install`. Updates outdated package lists if edgeadm runs as root."""
    listed = ", ".join(names)
    if not is_debian() or shutil.which("apt-get") is None:
        raise MissingToolError(
            f"{listed} come from Debian's archive, and this host runs neither Debian nor Ubuntu",
            hint="build on a Debian or Ubuntu host; the result runs on any other, too",
        )
    given = [word for setting in SETTINGS for word in ("-o", setting)]
    argv = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *given, *options, *names]
    done = execute(argv, env=QUIET)
    if done.code and os.geteuid() == 0:
        execute(["apt-get", "update", "--quiet"], env=QUIET)
        done = execute(argv, env=QUIET)
    if done.code:
        raise MissingToolError(
            f"apt-get could not download {listed} from the archive",
            context="\n".join((done.err.strip() or done.out.strip()).splitlines()[-20:]),
            hint="run `apt-get update` as root and check its output",
        )
    return done
