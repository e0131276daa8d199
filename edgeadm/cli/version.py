"""`edgeadm version`."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click

import edgeadm
from edgeadm.cli import console, options, pflag


@click.command("version", cls=pflag.Command)
@options.output
def command(output: str) -> None:
    """Print the version of edgeadm."""
    if output == "json":
        console.data_json({"version": edgeadm.__version__, **_built()})
    else:
        console.data(f"edgeadm {edgeadm.__version__}")


def _built() -> dict[str, str]:
    """Versions that the executable was built with, or, if edgeadm is installed, that it runs on."""
    about = Path(edgeadm.__file__).with_name("_built.json")
    if about.is_file():
        built: dict[str, str] = json.loads(about.read_text(encoding="utf-8"))
        return {"kind": "executable", **built}
    return {"kind": "installed", "python": platform.python_version(), "arch": platform.machine()}
