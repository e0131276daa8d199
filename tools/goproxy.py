"""The pinned Go toolchain, asked what the module proxy of this machine serves."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeadm.errors import CommandError
from edgeadm.hosts.process import execute
from edgeadm.package.builder.go import find_toolchain

RELEASE = re.compile(r"v\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Go:
    """The program, and what keeps settings of the user away from it."""

    program: str
    version: str
    env: Mapping[str, str]

    def run(self, folder: Path, *words: str) -> str:
        """Its output. Raises CommandError."""
        return execute([self.program, *words], cwd=folder, env=self.env).checked().out

    def source(self, module: str, version: str) -> Path:
        """The folder of a module, downloaded if need be."""
        with tempfile.TemporaryDirectory() as folder:
            told = json.loads(self.run(Path(folder), "mod", "download", "-json", f"{module}@{version}"))
        return Path(told["Dir"])

    def versions(self, module: str) -> list[str]:
        """The releases of a module that the proxy serves, oldest first; none if it serves no list."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                told = json.loads(self.run(Path(folder), "list", "-m", "-versions", "-json", module))
            except CommandError as error:
                if "403" in error.context or "404" in error.context:
                    return []
                raise
        return [each for each in told.get("Versions") or () if RELEASE.fullmatch(each)]


def find_go() -> Go:
    """The toolchain of the extra `edgeadm[build]`."""
    toolchain = find_toolchain()
    env = {"GOROOT": str(toolchain.root), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    return Go(str(toolchain.root / "bin" / "go"), toolchain.version, env)
