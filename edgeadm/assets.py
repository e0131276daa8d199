"""Paths of edgeadm's own data and of its caches: the same in a wheel and a checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

CACHE_VARIABLE = "EDGEADM_CACHE_DIR"


def templates() -> Traversable:
    """The templates: inside the installed package, else the checkout's top-level folder."""
    return _data("_templates", "templates")


def install_pkgs() -> Path:
    """Recipes and module sets of packages: a real folder, because Go reads it, too."""
    return Path(str(_data("_install_pkgs", "install-pkgs")))


def cache_root() -> Path:
    """The folder for results that can be made again: EDGEADM_CACHE_DIR, XDG_CACHE_HOME or ~/.cache."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgeadm"


def state_root(environ: Mapping[str, str] = os.environ) -> Path:
    """The directory for the state of a user's runs: XDG_STATE_HOME or ~/.local/state."""
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get("XDG_STATE_HOME") or home / ".local/state") / "edgeadm"


def _data(installed: str, checkout: str) -> Traversable:
    inside = files("edgeadm") / installed
    return inside if inside.is_dir() else Path(__file__).resolve().parent.parent / checkout
