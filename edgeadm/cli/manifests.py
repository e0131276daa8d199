"""`edgeadm manifests`."""

from __future__ import annotations

from pathlib import Path

import click

from edgeadm.cli import console, pflag
from edgeadm.errors import UsageError
from edgeadm.render import SUFFIX, Renderer


@click.command("manifests", cls=pflag.Command)
@click.option(
    "-o", "--output-dir", required=True, metavar="DIR", help="Output directory; created if missing."
)
@click.option("--force", cls=pflag.Switch, help="Overwrite existing files.")
def command(output_dir: str, force: bool) -> None:
    """Write edgeadm's templates to a directory, to edit and pass back with `--manifests-dir`."""
    folder, render = Path(output_dir), Renderer()
    files = {folder / f"{name}{SUFFIX}": render.source(name) for name in render.names()}
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise UsageError(
            f"{len(there)} files already exist",
            context="\n".join(there),
            hint="pass `--force` to overwrite them",
        )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        console.data(str(path))
