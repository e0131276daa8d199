"""Debian packages on the host that runs edgeadm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edgeadm.errors import MissingToolError
from edgeadm.hosts.base import Result
from edgeadm.hosts.process import execute

OS_RELEASE = Path("/etc/os-release")
LISTS = Path("/var/lib/apt/lists")
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def ensure_packages(names: Sequence[str], say: Callable[[str], None]) -> None:
    """Install the missing packages, and print them.

    Requires root and apt-get. Raises MissingToolError, with the command as its hint, if the host does not run
    Debian or a derivative, if edgeadm does not run as root, and if apt-get fails.
    """
    missing = missing_packages(names)
    if not missing:
        return
    command = f"apt-get install --yes --no-install-recommends {' '.join(missing)}"
    if not is_debian() or shutil.which("apt-get") is None:
        raise MissingToolError(
            f"this step requires {_listed(missing)}, and this host runs neither Debian nor Ubuntu",
            hint=f"install the equivalent of the Debian packages {_listed(missing)}",
        )
    if os.geteuid() != 0:
        raise MissingToolError(
            f"this step requires the Debian packages {_listed(missing)}", hint=f"run `sudo {command}`"
        )
    say(f"installing the Debian packages {_listed(missing)}")
    done = _install(missing)
    if done.code:
        raise MissingToolError(
            f"apt-get could not install {_listed(missing)}",
            context="\n".join((done.err.strip() or done.out.strip()).splitlines()[-20:]),
            hint=f"run `apt-get update && {command}` and check its output",
        )


def missing_packages(names: Sequence[str]) -> list[str]:
    """The names that are not installed."""
    asked = execute(["dpkg-query", "-W", "-f=${db:Status-Status} ${Package}\\n", *names], env=QUIET)
    installed = {line.split()[1] for line in asked.out.splitlines() if line.startswith("installed ")}
    return [name for name in names if name not in installed]


def is_debian(os_release: Path = OS_RELEASE) -> bool:
    """Whether this host runs Debian, Ubuntu or a derivative, by its os-release."""
    try:
        fields = parse_os_release(os_release.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return "debian" in [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]


def parse_os_release(text: str) -> Mapping[str, str]:
    """Key → value of an os-release file, without quotes."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key: value.strip().strip("\"'") for key, value in pairs}


def _install(names: Sequence[str]) -> Result:
    argv = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names]
    if not any(LISTS.glob("*_Packages*")):
        execute(["apt-get", "update", "--quiet"], env=QUIET)
        return execute(argv, env=QUIET)
    done = execute(argv, env=QUIET)
    if done.code:  # the package lists may be older than the archive
        execute(["apt-get", "update", "--quiet"], env=QUIET)
        done = execute(argv, env=QUIET)
    return done


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
