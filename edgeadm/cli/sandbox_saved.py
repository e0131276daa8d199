"""`edgeadm sandbox save|restore|saved`: saved states of the nodes."""

from __future__ import annotations

import click

from edgeadm.cli import console, options
from edgeadm.cli.sandbox_group import command, detached_option, name_option, open_sandbox, show_change
from edgeadm.cli.sandbox_tables import show, show_saved


@command.command()
@click.argument("state")
@name_option
@options.output_events
def save(state: str, name: str, output: str) -> None:
    """Save the disks of all nodes under a name: nodes shut down, and those that ran start again."""
    sandbox = open_sandbox(name)
    from edgeadm.sandbox import saved

    saved.save(sandbox, state, console.say)
    show_change(output, name, saved=state)


@command.command()
@click.argument("state")
@click.option(
    "--install-pkg-path",
    "package",
    metavar="FILE",
    envvar="EDGEADM_INSTALL_PKG_PATH",
    help="Package to mount at /mnt/package in the nodes. [default: the saved one]",
)
@detached_option
@name_option
@options.output_events
def restore(state: str, package: str | None, detached: bool, name: str, output: str) -> None:
    """Restore a saved state: the nodes are powered off and boot from copies of the saved disks."""
    sandbox = open_sandbox(name)
    from edgeadm.sandbox import saved, supplies

    supplies.ensure_tools(console.say)
    saved.restore(
        sandbox,
        state,
        executable=supplies.executable(console.say),
        package=supplies.package(package, console.say) if package else None,
        detached=detached or None,
        say=console.say,
    )
    show(sandbox.ls(), output)


@command.command("saved")
@click.option(
    "--delete", "unwanted", metavar="STATE", multiple=True, help="Delete this saved state; repeatable."
)
@options.output_events
def list_saved(unwanted: tuple[str, ...], output: str) -> None:
    """List the saved states: name, subnet, nodes, size, saved; or delete some."""
    store = open_sandbox("demo").store
    from edgeadm.sandbox import saved

    for state in unwanted:
        saved.delete(store, state)
    show_saved(saved.every(store), output)
