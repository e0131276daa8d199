"""Files on a node: rendered from templates, and compared."""

from __future__ import annotations

from collections.abc import Mapping

from edgeadm.core.phase import Context
from edgeadm.render import Renderer

Files = Mapping[str, tuple[bytes, int]]  # path → content and mode


def renderer(ctx: Context) -> Renderer:
    """Templates, the user's first."""
    return Renderer(ctx.config.manifests_dir)


def with_mode(files: Mapping[str, bytes], mode: int = 0o644) -> Files:
    """The files, all with this mode."""
    return {path: (text, mode) for path, text in files.items()}


def difference(ctx: Context, files: Files) -> str:
    """The reason for the first of these files with another content or mode; empty if all are up to date."""
    for path, (text, _) in files.items():
        if ctx.host.read(path) != text:
            return f"{path} is missing or differs"
    there = ctx.host.stat_all(files) if files else {}
    for path, (_, mode) in files.items():
        found = there.get(path)
        if found is not None and found.kind == "file" and found.mode != mode:
            return f"{path} has mode {found.mode:04o} instead of {mode:04o}"
    return ""
