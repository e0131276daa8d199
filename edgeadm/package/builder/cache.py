"""A cache of build results, keyed by their inputs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def key_of(*parts: Any) -> str:
    """A cache key of these parts, which are JSON values or bytes."""
    plain = [hashlib.sha256(part).hexdigest() if isinstance(part, bytes) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:24]


def once(folder: Path, make: Callable[[Path], None]) -> bool:
    """Create the directory atomically if it does not exist.

    Returns whether it was created.
    """
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        make(staging)
        staging.chmod(0o755)
        staging.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process created it meanwhile
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return True


def forget_older(used: Path, kept: int) -> None:
    """Keep the `kept` most recently used results of the same kind, including this one."""
    os.utime(used)
    beside = [each for each in used.parent.iterdir() if not each.name.startswith(".")]
    for old in sorted(beside, key=lambda each: each.stat().st_mtime, reverse=True)[kept:]:
        shutil.rmtree(old, ignore_errors=True)
