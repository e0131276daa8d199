"""Results kept by what they were made from: the same inputs are never built twice."""

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
    """A name for a result: it changes with every part. Parts are JSON values and bytes."""
    plain = [hashlib.sha256(part).hexdigest() if isinstance(part, bytes) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:24]


def once(folder: Path, make: Callable[[Path], None]) -> bool:
    """Fill the folder if it is not there: aside, then renamed, so that nobody ever sees half of it.

    Whether something was made."""
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        make(staging)
        staging.chmod(0o755)
        staging.rename(folder)
    except OSError:
        if not folder.is_dir():  # else somebody made the same at the same time
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return True


def forget_older(used: Path, kept: int) -> None:
    """Of the results beside the one just used, and with it, keep the `kept` that were used last."""
    os.utime(used)
    beside = [each for each in used.parent.iterdir() if not each.name.startswith(".")]
    for old in sorted(beside, key=lambda each: each.stat().st_mtime, reverse=True)[kept:]:
        shutil.rmtree(old, ignore_errors=True)
