"""The command line: one module per verb, imported when it is asked for: `edgeadm version` stays quick."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

# Verb → module that holds its click command under the name `command`.
VERBS = {
    "init": "edgeadm.cli.init",
    "config": "edgeadm.cli.config",
    "manifests": "edgeadm.cli.manifests",
    "package": "edgeadm.cli.package",
    "sandbox": "edgeadm.cli.sandbox",
    "version": "edgeadm.cli.version",
}


class Verbs(click.Group):
    """Imports a verb's module only when that verb runs or shows its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(VERBS[cmd_name]).command
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def root() -> None:
    """Make Kubernetes clusters whose workers live at the edge."""


def main(argv: list[str] | None = None) -> NoReturn:
    """Run a command line and exit with its status; every failure is shown in one form."""
    from edgeadm.cli.outcome import run

    sys.exit(run(root, argv))
