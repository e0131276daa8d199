"""Files on a node: rendered from templates, compared, and written."""

from __future__ import annotations

from collections.abc import Mapping

from edgeadm.core.phase import Context
from edgeadm.render import Renderer


def renderer(ctx: Context) -> Renderer:
    """Templates, the user's first."""
    return Renderer(ctx.config.manifests_dir)


def difference(ctx: Context, files: Mapping[str, bytes]) -> str:
    """The reason for the first of these files with another content; empty if all are up to date."""
    differing = (path for path, text in files.items() if ctx.host.read(path) != text)
    return next((f"{path} is missing or differs" for path in differing), "")


def write_files(ctx: Context, files: Mapping[str, bytes], mode: int = 0o644) -> None:
    """Write each file with this mode; the journal knows of all of them before the first is written."""
    ctx.host.write_all({path: (text, mode) for path, text in files.items()})
