"""`edgeadm sandbox link|nat|dhcp|nic`: the network of the nodes."""

from __future__ import annotations

import click

from edgeadm.cli import options, pflag
from edgeadm.cli.sandbox_group import command, name_option, open_sandbox, show_change
from edgeadm.errors import UsageError


@command.command()
@click.argument("node")
@click.argument("state", type=click.Choice(["up", "down"]), required=False)
@click.option(
    "--no-address",
    cls=pflag.Switch,
    help="With `down`: also remove the addresses and routes of the interface.",
)
@click.option("--delay", metavar="TIME", help="Delay of packets in each direction, such as 300ms.")
@click.option("--loss", metavar="PERCENT", help="Loss of packets in each direction, such as 5%.")
@click.option("--rate", metavar="RATE", help="Rate limit in each direction, such as 1mbit.")
@name_option
@options.output_events
def link(
    node: str,
    state: str | None,
    no_address: bool,
    delay: str | None,
    loss: str | None,
    rate: str | None,
    name: str,
    output: str,
) -> None:
    """Set a node's link up or down, or degrade it.

    `--delay`, `--loss` and `--rate` replace all earlier values; omitted ones are reset. `up` resets all of
    them. The settings survive power cycles.
    """
    from edgeadm.sandbox.line import parse_line

    bad = any(each is not None for each in (delay, loss, rate))
    if no_address and state != "down":
        raise UsageError(
            "--no-address requires `down`", hint=f"edgeadm sandbox link {node} down --no-address"
        )
    if bad == (state is not None):
        raise UsageError(
            "pass either `up` or `down`, or the properties of the link",
            hint=f"edgeadm sandbox link {node} up, down, or --delay 300ms --loss 5% --rate 1mbit",
        )
    line = parse_line(delay, loss, rate)
    found = open_sandbox(name).node(node)
    if bad:
        found.hold_up(line)
    else:
        found.link(state == "up", address=not no_address)
    show_change(output, name, node=node, link=state or "degraded")


@command.command()
@click.argument("node")
@click.argument("state", type=click.Choice(["on", "off"]))
@name_option
@options.output_events
def nat(node: str, state: str, name: str, output: str) -> None:
    """Put a node behind NAT: it can open connections, but accepts none."""
    open_sandbox(name).node(node).nat(state == "on")
    show_change(output, name, node=node, nat=state == "on")


@command.command()
@click.argument("state", type=click.Choice(["on", "off"]))
@name_option
@options.output_events
def dhcp(state: str, name: str, output: str) -> None:
    """Start or stop the DHCP server of the sandbox."""
    open_sandbox(name).dhcp(on=state == "on")
    show_change(output, name, dhcp=state == "on")


@command.command()
@click.argument("node")
@click.argument("change", type=click.Choice(["add", "remove"]))
@click.option("--uplink", cls=pflag.Switch, help="With `add`: the interface carries the default route.")
@name_option
@options.output_events
def nic(node: str, change: str, uplink: bool, name: str, output: str) -> None:
    """Add a second network interface, eth1, to a node, or remove it."""
    if uplink and change == "remove":
        raise UsageError("--uplink requires `add`", hint=f"edgeadm sandbox nic {node} add --uplink")
    open_sandbox(name).second_card(node, "" if change == "remove" else "uplink" if uplink else "card")
    show_change(output, name, node=node, nic=change)
