"""`edgeadm version`."""

from __future__ import annotations

import platform

import click

from edgeadm import __version__
from edgeadm.cli import console, options


@click.command("version")
@options.output
def command(output: str) -> None:
    """Print the version of edgeadm."""
    if output == "json":
        facts = {"version": __version__, "python": platform.python_version(), "arch": platform.machine()}
        console.data_json(facts)
    else:
        console.data(f"edgeadm {__version__}")
