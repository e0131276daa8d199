"""Packages out of Debian's archive that are looked into, and never installed on this machine.

Installing keepalived or haproxy would start a service. apt is told that nothing is installed: it then names
and fetches a package with all that it needs, whatever the machine already has, and checks the archive's
signatures and sums as ever. It works without root, too."""

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
# Nothing is installed, and nothing is written outside the folder for what is downloaded.
SETTINGS = (
    "Dir::State::Status=/dev/null",
    "Dir::Cache::PkgCache=",
    "Dir::Cache::SrcPkgCache=",
    "Debug::NoLocking=1",
    "APT::Sandbox::User=root",
)


def archive_state(lists: Path = LISTS) -> str:
    """A name for what this machine knows of the archive: it changes when `apt-get update` brought news."""
    found = {path.name: path.read_bytes() for path in lists.glob("*Release")}
    texts = [f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(found.items())]
    return "\n".join(texts)


def resolve(names: Sequence[str]) -> dict[str, str]:
    """The packages and all that they depend on → their versions in the archive.

    Raises MissingToolError where the machine is not of Debian's family, and where apt-get fails."""
    return dict(sorted(planned(_install(names, "--simulate").out).items()))


def planned(text: str) -> dict[str, str]:
    """Package → version, of what `apt-get --simulate install` prints."""
    return {found[1]: found[2] for found in PLANNED.finditer(text)}


def fetch(names: Sequence[str], root: Path) -> None:
    """Download the packages with all that they depend on, and lay their files out below `root`.

    No script of theirs runs. Raises MissingToolError."""
    debs = root / ".debs"
    (debs / "partial").mkdir(parents=True)
    _install(names, "--download-only", "-o", f"Dir::Cache::Archives={debs}")
    for deb in sorted(debs.glob("*.deb")):
        execute(["dpkg-deb", "--extract", str(deb), str(root)]).checked()
    shutil.rmtree(debs)


def _install(names: Sequence[str], *options: str) -> Result:
    """What `apt-get install` says. Lists that may be too old are brought up to date if we are root."""
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
