"""Support periods of the components' releases, from `install-pkgs/support.toml`."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from edgeadm.assets import install_pkgs

FILE = "support.toml"


def known_support(root: Path | None = None) -> dict[str, Any]:
    """The whole file."""
    return tomllib.loads(((root or install_pkgs()) / FILE).read_text(encoding="utf-8"))


def release_line(version: str) -> str:
    """The minor release of a version: v1.37.2 → 1.37."""
    return ".".join(version.removeprefix("v").split(".")[:2])


def supported_until(kubernetes: str, root: Path | None = None) -> date | None:
    """The last day on which the Kubernetes release gets patches, or None if it is not in the file."""
    found: dict[str, date] = known_support(root)["kubernetes"]["until"]
    return found.get(release_line(kubernetes))


def said_of_support(kubernetes: str, today: date) -> str:
    """One sentence for a user; empty if the release is unknown."""
    until = supported_until(kubernetes)
    if until is None:
        return ""
    line = release_line(kubernetes)
    if today > until:
        return f"Kubernetes {line} is out of support since {until} and gets no more patches"
    return f"Kubernetes {line} is supported until {until}"
