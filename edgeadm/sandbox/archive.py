"""Debian packages of any release, downloaded from the mirror of the root image, and unpacked."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from edgeadm.hosts.base import Result
from edgeadm.hosts.process import execute
from edgeadm.sandbox.errors import VmKernelError
from edgeadm.sandbox.image import Source

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Archive:
    """The archive of one release; `folder` contains its package lists, and downloaded packages."""

    source: Source
    folder: Path

    def update(self) -> None:
        """Download the package lists. Raises VmKernelError."""
        for made in ("lists/partial", "cache/archives/partial", "debs"):
            (self.folder / made).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "sources.list").write_text(self.source_line() + "\n")
        self._checked(
            self._run(["apt-get", "update"]), f"the packages of {self.source.suite} cannot be listed"
        )

    def source_line(self) -> str:
        """The line of apt's sources.list."""
        keyring = self.source.keyring or KEYRING
        return f"deb [signed-by={keyring}] {self.source.mirror or MIRROR} {self.source.suite} main"

    def needed_by(self, package: str, form: str) -> str:
        """The first dependency of `package` whose name matches `form`. Raises VmKernelError."""
        told = self._run(["apt-cache", "depends", "--important", package])
        for line in told.out.splitlines():
            name = line.strip().removeprefix("Depends: ")
            if re.fullmatch(form, name):
                return name
        raise VmKernelError(
            f"{self.source.suite} has no package {package}",
            context=told.err.strip(),
            hint="check that the mirror of this host's apt serves this release",
        )

    def download(self, *packages: str) -> list[Path]:
        """Download packages without their dependencies; returns their files. Raises VmKernelError."""
        debs = self.folder / "debs"
        wanted = " ".join(packages)
        done = self._run(["sh", "-c", f"cd {shlex.quote(str(debs))} && exec apt-get download {wanted}"])
        self._checked(done, f"the packages {wanted} of {self.source.suite} cannot be downloaded")
        return [next(debs.glob(f"{package}_*.deb")) for package in packages]

    def _run(self, argv: list[str]) -> Result:
        config = self.folder / "apt.conf"
        config.write_text(self.settings())
        env = {"APT_CONFIG": str(config)}
        if self.source.proxy:
            env["http_proxy"] = self.source.proxy
        return execute(argv, env=env)

    def settings(self) -> str:
        """apt's configuration, independent of the host's lists, cache and installed packages."""
        places = {
            "Dir::State::lists": "lists",
            "Dir::State::status": "status",
            "Dir::Cache": "cache",
            "Dir::Etc::SourceList": "sources.list",
        }
        lines = [f'{name} "{self.folder / value}";' for name, value in places.items()]
        lines += ['Dir::Etc::SourceParts "-";', 'APT::Sandbox::User "root";', 'Acquire::Languages "none";']
        return "".join(f"{line}\n" for line in lines)

    def _checked(self, done: Result, what: str) -> None:
        if done.code:
            raise VmKernelError(
                what,
                context="\n".join((done.err.strip() or done.out.strip()).splitlines()[-15:]),
                hint="check `apt-get update` on this host: the mirror is the same",
            )


def unpack(deb: Path, folder: Path) -> None:
    """Unpack the files of a package into a directory."""
    folder.mkdir(parents=True, exist_ok=True)
    execute(["dpkg-deb", "--extract", str(deb), str(folder)]).checked()
