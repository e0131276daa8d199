"""`edgeadm join [HOST:PORT]`, `edgeadm join phase NAME`, `edgeadm join plan`."""

from __future__ import annotations

import click

from edgeadm.cli import console, pflag
from edgeadm.cli.session import Session
from edgeadm.cli.settings import edgeadm_options
from edgeadm.cli.workflow import WorkflowVerb, close_with, summary
from edgeadm.config.ticket import joins_control_plane
from edgeadm.node.files import renderer
from edgeadm.node.membership import is_member
from edgeadm.node.name import node_name
from edgeadm.workflows import JOIN


class TargetGroup(pflag.Group):
    """A verb whose first word is a target or one of its sub-commands; options may follow the target."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        below = bool(args) and args[0] in self.commands
        ctx.allow_interspersed_args = not below
        # Before a sub-command there is no target: an empty one is inserted.
        return super().parse_args(ctx, ["", *args] if below else args)


def show_joined(session: Session, changed: int, as_json: bool) -> None:
    """Print kubeadm's closing text, or the run as JSON."""
    ctx = session.ctx
    if as_json:
        console.data_json(summary("join", session, changed) | {"node": node_name(ctx)})
    elif not changed:
        console.talk("this node is in the cluster already: 0 changes")
    elif is_member(ctx):
        values = {"control_plane": joins_control_plane(ctx.config)}
        console.data(renderer(ctx).text("text/join-done.txt", values).rstrip("\n"))


# Settings of `init` that this node reads from the cluster.
VERB = WorkflowVerb(JOIN, close_with(JOIN.name, show_joined), accepts=tuple(edgeadm_options("init")))
command = VERB.command(TargetGroup)
