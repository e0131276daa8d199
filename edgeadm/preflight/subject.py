"""What the checks are about: which node is to be made, of what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edgeadm.package.manifest import CALLED_BY_NAME, TOOLS
from edgeadm.package.opened import OpenPackage


@dataclass(frozen=True)
class Subject:
    """The node to be. `resuming` is true where an earlier run of ours was cut off: then what it left, such as
    manifests and listening ports, is no surprise. `ours` tells files that edgeadm wrote; a check that takes
    long tells `say` how far it is."""

    kubernetes: str
    package: OpenPackage | None = None
    role: str = "control-plane"
    resuming: bool = False
    ours: Callable[[str], bool] = field(default=lambda _path: False)
    say: Callable[[str], None] = field(default=lambda _text: None)

    def brings(self, program: str) -> bool:
        """Whether the package holds this program for machines that have none of that name."""
        return self.package is not None and self.package.has(f"{TOOLS}/{CALLED_BY_NAME}/{program}")
