"""The subject of the checks: the planned node and its package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edgeadm.config import Config
from edgeadm.hosts import Host
from edgeadm.package.manifest import CALLED_BY_NAME, TOOLS
from edgeadm.package.opened import OpenPackage


@dataclass(frozen=True)
class Subject:
    """The planned node: its host, the configuration of the verb, its role and the package. `resuming` is true
    if an earlier run was interrupted: its files and listening ports are then no findings. `ours` tells
    whether edgeadm wrote a file; long checks report their progress to `say`."""

    host: Host
    config: Config
    kubernetes: str
    package: OpenPackage | None = None
    role: str = "control-plane"
    resuming: bool = False
    ours: Callable[[str], bool] = field(default=lambda _path: False)
    say: Callable[[str], None] = field(default=lambda _text: None)

    def brings(self, program: str) -> bool:
        """Whether the package contains this program for hosts without it."""
        return self.package is not None and self.package.has(f"{TOOLS}/{CALLED_BY_NAME}/{program}")
