"""`edgeadm addon edge-apps`, with `phase NAME` and `plan` below it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import click

from edgeadm.apps.api_servers import unwired
from edgeadm.apps.facts import public_address
from edgeadm.apps.manual_steps import steps
from edgeadm.apps.settings import remembered
from edgeadm.cli import console, pflag
from edgeadm.cli.kubeconfig import open_access
from edgeadm.cli.session import Session
from edgeadm.cli.settings import given
from edgeadm.cli.workflow import After, WorkflowVerb, close_with, summary
from edgeadm.config import Config, load, validate
from edgeadm.workflows import ADDON, ADDON_FLEET


@dataclass(frozen=True)
class ClusterVerb(WorkflowVerb):
    """A verb for an existing cluster: resolves its kubeconfig before anything else."""

    def configured(self, ctx: click.Context) -> Config:
        asked = super().configured(ctx)
        access = open_access(asked.addon.kubeconfig or None)
        # Stored settings of the cluster are kept unless they are overridden.
        config = load(ctx.params.get("config"), given(ctx, self.name), remembered(access.cluster))
        validate(config, self.name)
        return self.with_path(self.with_run_options(ctx, config), access.path)

    def with_cluster(self, config: Config) -> Config:
        """The configuration with the path of its kubeconfig, and the settings that the cluster stored at the
        first run. Raises KubeconfigError."""
        access = open_access(config.addon.kubeconfig or None)
        kept = load(None, remembered(access.cluster))
        addon = replace(config.addon, master_public_addr=kept.addon.master_public_addr)
        return self.with_path(replace(config, addon=addon), access.path)

    def with_path(self, config: Config, path: str) -> Config:
        """The configuration with the path of its kubeconfig."""
        return replace(config, addon=replace(config.addon, kubeconfig=path))


def closing(verb: str, unneeded: str, done: str) -> After:
    """Print one line after a complete run."""

    def show(session: Session, changed: int, as_json: bool) -> None:
        if as_json:
            console.data_json(summary(verb, session, changed))
        elif not changed:
            console.talk(f"{unneeded}: 0 changes")
        else:
            console.data(done)

    return close_with(verb, show)


def show_added(session: Session, changed: int, as_json: bool) -> None:
    """Print the result and the remaining manual steps, or the run as JSON."""
    ctx = session.ctx
    left, by_hand = unwired(ctx), steps(ctx)
    if as_json:
        console.data_json(summary(ADDON.name, session, changed) | {"unwired": left, "byHand": by_hand})
        return
    if not changed:
        console.talk("this is an edge cluster already: 0 changes")
    else:
        console.data("This is an edge cluster now.")
        console.data(f"Edge nodes connect to {public_address(ctx)}, port {ctx.config.tunnel_port}.")
    if left:
        console.data(f"These control planes' API servers do not use the tunnel yet: {', '.join(left)}.")
        console.data("Run the same command on each of them.")
    if by_hand:
        console.data("Manual steps, because edgeadm cannot change this control plane:")
        for each in by_hand:
            console.data(f"- {each}")


# Upstream's name of the controller of NodeTasks.
ALIASES = {"penetrator": "fleet"}


class Addons(pflag.Group):
    """Add-ons by name; aliases are not listed."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))


@click.group("addon", cls=Addons)
def command() -> None:
    """Add edge components to an existing cluster."""


VERB = ClusterVerb(ADDON, close_with(ADDON.name, show_added), kubeadm=False)
command.add_command(VERB.command())
FLEET_SAID = closing(
    ADDON_FLEET.name,
    "the fleet controller is installed already",
    "The fleet controller runs: create NodeTasks with `kubectl apply`.",
)
FLEET = ClusterVerb(ADDON_FLEET, FLEET_SAID, kubeadm=False)
command.add_command(FLEET.command())
