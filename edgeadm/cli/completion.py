"""`edgeadm completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from edgeadm.cli import console, pflag

NAME = "edgeadm"


@click.command("completion", cls=pflag.Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the shell completion script.

    \b
    bash:  source <(edgeadm completion bash)
    zsh:   source <(edgeadm completion zsh)
    fish:  edgeadm completion fish | source
    """
    script = get_completion_class(shell)
    assert script is not None, "--help lists the supported shells"  # noqa: S101
    console.data(script(ctx.find_root().command, {}, NAME, f"_{NAME.upper()}_COMPLETE").source())
