"""`edgeadm detach edge-apps`, with `phase NAME` and `plan` below it."""

from __future__ import annotations

import click

from edgeadm.cli import addon
from edgeadm.cli.addon import Addons, ClusterVerb, closing
from edgeadm.workflows import DETACH, DETACH_FLEET

SAID = closing(
    DETACH.name,
    "the edge components are not installed in this cluster",
    "The edge components are removed from the cluster.",
)


@click.group("detach", cls=Addons)
def command() -> None:
    """Remove edge components from a cluster."""


VERB = ClusterVerb(DETACH, SAID, kubeadm=False, journaled=False, accepts=tuple(addon.VERB.options()))
command.add_command(VERB.command())
FLEET_SAID = closing(
    DETACH_FLEET.name,
    "the fleet controller is not installed in this cluster",
    "The fleet controller and all NodeTasks are removed from the cluster.",
)
FLEET = ClusterVerb(
    DETACH_FLEET, FLEET_SAID, kubeadm=False, journaled=False, accepts=tuple(addon.FLEET.options())
)
command.add_command(FLEET.command())
