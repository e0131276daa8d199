"""`edgeadm detach edge-apps`, with `phase NAME` and `plan` below it."""

from __future__ import annotations

import click

from edgeadm.cli import addon, pflag
from edgeadm.cli.addon import ClusterVerb, closing
from edgeadm.workflows import DETACH

SAID = closing(
    DETACH.name,
    "the edge components are not installed in this cluster",
    "The edge components are removed from the cluster.",
)


@click.group("detach", cls=pflag.Group)
def command() -> None:
    """Remove edge components from a cluster."""


VERB = ClusterVerb(DETACH, SAID, kubeadm=False, journaled=False, accepts=tuple(addon.VERB.options()))
command.add_command(VERB.command())
