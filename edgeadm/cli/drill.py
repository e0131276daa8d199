"""`edgeadm drill offline|lift`: rehearse an outage on this edge node, or end it."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from edgeadm.cli import console, options, pflag
from edgeadm.cli.report import PlainReport
from edgeadm.cli.session import changing, looking, world
from edgeadm.config import Config
from edgeadm.core.phase import Context
from edgeadm.drill import address
from edgeadm.drill.block import MARGIN, Block
from edgeadm.drill.node import EdgeNode, this_node
from edgeadm.drill.offline import UNITS, Drill
from edgeadm.drill.report import VERB
from edgeadm.drill.watch import Watch
from edgeadm.errors import ConfigError, LockedError
from edgeadm.hosts import Host
from edgeadm.node.offline_files import DRILL
from edgeadm.node.service_ip import nft_program

LIFT = "drill lift"
LONGEST = 24 * 60
FAILED = 2
NOTHING = "nothing to do: nothing is blocked"

dry_run_option = click.option("--dry-run", cls=pflag.Switch, help="Print the changes without making them.")


@dataclass(frozen=True)
class Wish:
    """The options of the command line."""

    node: str
    minutes: int
    restart: bool
    drop: bool
    no_address: bool = False
    force: bool = False

    def card(self, host: Host) -> str:
        """The network interface that loses its addresses, or an empty string. Raises CutsOperatorError,
        PhaseError."""
        if not self.no_address:
            return ""
        card = address.own_card(host)
        if not self.force:
            address.refuse_to_cut(host, card, os.environ.get("SSH_CONNECTION", ""))
        return card

    def changes(self, node: EdgeNode, card: str) -> list[str]:
        """The steps of a drill on this node, in order, for `--dry-run`."""
        places, half = ", ".join(map(str, node.places)), f"{self.minutes / 2:g} min"
        return [
            f"let systemd remove the block after {self.minutes * 60 + MARGIN} s if edgeadm is killed",
            f"{'drop' if self.drop else 'reject'} TCP to {places} for {self.minutes} min (table `{DRILL}`)",
            *([f"remove the addresses and routes of `{card}`, and restore them at the end"] if card else []),
            *(f"restart {unit} after {half}" for unit in (UNITS if self.restart else ())),
        ]


@click.group("drill", cls=pflag.Group)
def command() -> None:
    """Rehearse an outage on this edge node."""


@command.command("offline")
@click.option("--node", metavar="NODE", default="", help="Name of this node, as a confirmation.")
@click.option("--minutes", type=int, required=True, metavar="N", help=f"Duration in minutes, 1 to {LONGEST}.")
@click.option("--restart", cls=pflag.Switch, help=f"Restart {', '.join(UNITS)} half-way, as after a boot.")
@click.option(
    "--drop/--refuse",
    default=True,
    show_default=True,
    help="Drop packets to the API server, or reject them with a TCP reset.",
)
@click.option(
    "--no-address",
    cls=pflag.Switch,
    help="Also remove the addresses and routes of the network interface, as a dead switch does.",
)
@click.option(
    "--force", cls=pflag.Switch, help="With --no-address: even if this interrupts an SSH connection."
)
@dry_run_option
@options.output_events
def offline(
    node: str,
    minutes: int,
    restart: bool,
    drop: bool,
    no_address: bool,
    force: bool,
    dry_run: bool,
    output: str,
) -> int:
    """Cut off the API server for some minutes, watch the Pods and services of this node, and report what
    survived.

    Nothing else is blocked, unless --no-address is given. The block ends with the drill, on Ctrl-C, or by a
    systemd timer if edgeadm is killed. The exit status is 2 if something did not survive.
    """
    if not 1 <= minutes <= LONGEST:
        raise ConfigError(f"--minutes: {minutes} is not from 1 to {LONGEST}", hint="start with 5")
    wish = Wish(node, minutes, restart, drop, no_address, force)
    if dry_run:
        _say_what_would_be(wish, as_json=output == "json")
        return 0
    return _drill(wish, as_json=output == "json")


@command.command("lift")
@dry_run_option
@options.output_events
def lift(dry_run: bool, output: str) -> None:
    """End a drill immediately by removing its block. May be repeated."""
    if dry_run:
        with looking(LIFT, Config(), lambda _change: None, PlainReport()) as session:
            there = _block(session.ctx).until() is not None
        changes = [f"delete the table `{DRILL}`"] if there else []
        if output == "json":
            console.data_json({"verb": LIFT, "dryRun": True, "changes": changes})
        else:
            console.data(f"  would {changes[0]}" if changes else NOTHING)
        return
    # Without the lock, because the running drill holds it.
    with changing(LIFT, Config(), PlainReport(), journaled=False, locked=False) as session:
        lifted = _block(session.ctx).lift()
    if output == "json":
        console.data_json({"verb": LIFT, "lifted": lifted})
    else:
        console.data("the API server is reachable again" if lifted else NOTHING)


def _drill(wish: Wish, *, as_json: bool) -> int:
    here = world()
    try:
        # Not journaled: see edgeadm/drill/__init__.py.
        with changing(VERB, Config(), PlainReport(), journaled=False) as session:
            node = this_node(session.ctx, wish.node)
            # Periodic checks are not logged.
            watch = Watch(here.host(), node, here.probes)
            drill = Drill(
                session.ctx.host,
                _block(session.ctx, wish.card(here.host())),
                node,
                watch,
                here.probes,
                console.say,
                wish.minutes,
                restart=wish.restart,
                refuse=not wish.drop,
            )
            report = drill.run()
    except LockedError:
        with looking(VERB, Config(), lambda _change: None, PlainReport()) as session:
            _block(session.ctx).refuse_another()
        raise
    if as_json:
        console.data_json(report.as_dict())
    else:
        console.data(report.text())
    return 0 if report.survived else FAILED


def _say_what_would_be(wish: Wish, *, as_json: bool) -> None:
    with looking(VERB, Config(), lambda _change: None, PlainReport()) as session:
        node = this_node(session.ctx, wish.node)
        _block(session.ctx).refuse_another()
        changes = wish.changes(node, wish.card(session.ctx.host))
    if as_json:
        blocked = [str(each) for each in node.places]
        told = {"node": node.name, "minutes": wish.minutes, "blocked": blocked, "restarted": False}
        console.data_json({"verb": VERB, "dryRun": True, **told, "changes": changes})
        return
    for change in changes:
        console.data(f"  would {change}")


def _block(ctx: Context, card: str = "") -> Block:
    return Block(ctx.host, nft_program(ctx.host), card)


pflag.pair(offline, lift)
