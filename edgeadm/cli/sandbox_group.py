"""The command group `edgeadm sandbox`, and the options that its commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgeadm.cli import console, pflag
from edgeadm.errors import NotRootError

if TYPE_CHECKING:
    from edgeadm.sandbox import Sandbox

F = TypeVar("F", bound=Callable[..., Any])

name_option = click.option(
    "--name",
    default="demo",
    show_default=True,
    envvar="EDGEADM_SANDBOX_NAME",
    metavar="SANDBOX",
    help="Name of the sandbox.",
)

detached_option = click.option(
    "--detached",
    cls=pflag.Switch,
    help="No route from this host to the nodes; several sandboxes may have the same subnet.",
)


@click.group("sandbox", cls=pflag.Group)
def command() -> None:
    """Run disposable test nodes on this host, on an isolated network. Requires root."""


def open_sandbox(name: str) -> Sandbox:
    """The sandbox with this name, which may not exist yet. Raises NotRootError, and UsageError for an invalid
    name."""
    from edgeadm.sandbox import Sandbox
    from edgeadm.sandbox.names import check_sandbox_name

    check_sandbox_name(name)
    if os.geteuid() != 0:
        raise NotRootError(
            "a sandbox boots nodes in their own namespaces, which requires root",
            hint="sudo edgeadm sandbox …",
        )
    return Sandbox(name)


def show_change(output: str, sandbox: str, **facts: Any) -> None:
    """Print a change as JSON if `output` is `json`; otherwise the command prints nothing."""
    if output == "json":
        console.data_json({"sandbox": sandbox, **facts})
