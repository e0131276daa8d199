"""`edgeadm sandbox`: the nodes of an edge cluster on one Linux host."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgeadm.cli import console, options, pflag
from edgeadm.cli.sandbox_tables import show, show_saved
from edgeadm.errors import NotRootError, UsageError

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


@command.command()
@click.option(
    "--control-planes", type=click.IntRange(0), default=1, show_default=True, metavar="N", help="cp1…"
)
@click.option("--edges", type=click.IntRange(0), default=0, metavar="N", help="edge1…")
@click.option("--workers", type=click.IntRange(0), default=0, metavar="N", help="worker1…")
@click.option(
    "--install-pkg-path",
    "package",
    metavar="FILE",
    envvar="EDGEADM_INSTALL_PKG_PATH",
    help="Package to mount at /mnt/package in the nodes; `none` for no package. [default: built, and cached]",
)
@click.option(
    "--image",
    type=click.Choice(["debian-11", "debian-12", "debian-13"]),
    help="Root image of the new nodes. [default: the release of this host]",
)
@click.option(
    "--bare",
    cls=pflag.Switch,
    help="Create the new nodes from debootstrap's default installation and sshd only.",
)
@click.option("--dhcp", cls=pflag.Switch, help="Configure the addresses of the new nodes by DHCP.")
@click.option(
    "--second-card",
    is_flag=False,
    flag_value="card",
    default="",
    type=click.Choice(["", "card", "uplink"]),
    metavar="[card|uplink]",
    help="Add eth1 to the new nodes; as `uplink` it carries the default route.",
)
@detached_option
@name_option
@options.output
def up(
    control_planes: int,
    edges: int,
    workers: int,
    package: str | None,
    image: str | None,
    bare: bool,
    dhcp: bool,
    second_card: str,
    detached: bool,
    name: str,
    output: str,
) -> None:
    """Boot bare nodes cp1… edge1… worker1…; a second run adds missing nodes and powers on stopped ones."""
    sandbox = _sandbox(name)
    from edgeadm.sandbox import Kind, supplies

    supplies.ensure_tools(console.talk, dhcp=dhcp)
    sandbox.up(
        control_planes,
        workers,
        edges,
        package=supplies.package(package, console.talk),
        executable=supplies.executable(console.talk),
        kind=Kind(image or "", bare, dhcp, second_card),
        detached=detached,
        say=console.talk,
    )
    show(sandbox.ls(), output)


@command.command("ls")
@name_option
@options.output
def list_nodes(name: str, output: str) -> None:
    """List the nodes: name, ip, role, state, link, line, nat, ready, vm."""
    show(_sandbox(name).ls(), output)


@command.command("exec")
@click.argument("node")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@name_option
def execute(node: str, argv: tuple[str, ...], name: str) -> int:
    """Run a command in a node, even if its link is down; streams and exit status are passed through.

    On a control plane, KUBECONFIG is /etc/kubernetes/admin.conf."""
    return _sandbox(name).node(node).attach(argv)


@command.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="NODE:PATH")
@name_option
def cp(source: str, target: str, name: str) -> None:
    """Copy a file or directory into a node, or a file out of it (NODE:PATH FILE)."""
    sandbox = _sandbox(name)
    node, colon, path = target.partition(":")
    if colon:
        if not Path(source).exists():
            raise UsageError(f"there is no {source} on this host")
        sandbox.node(node).send(Path(source), path or "/root")
        return
    node, colon, path = source.partition(":")
    if not colon:
        raise UsageError("neither path names a node", hint="edgeadm sandbox cp FILE cp1:/root/")
    sandbox.node(node).fetch(path, Path(target))


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
def link(
    node: str,
    state: str | None,
    no_address: bool,
    delay: str | None,
    loss: str | None,
    rate: str | None,
    name: str,
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
    found = _sandbox(name).node(node)
    if bad:
        found.hold_up(line)
    else:
        found.link(state == "up", address=not no_address)


@command.command()
@click.argument("node")
@click.argument("state", type=click.Choice(["on", "off"]))
@name_option
def nat(node: str, state: str, name: str) -> None:
    """Put a node behind NAT: it can open connections, but accepts none."""
    _sandbox(name).node(node).nat(state == "on")


@command.command()
@click.argument("state", type=click.Choice(["on", "off"]))
@name_option
def dhcp(state: str, name: str) -> None:
    """Start or stop the DHCP server of the sandbox."""
    _sandbox(name).dhcp(on=state == "on")


@command.command()
@click.argument("node")
@click.argument("change", type=click.Choice(["add", "remove"]))
@click.option("--uplink", cls=pflag.Switch, help="With `add`: the interface carries the default route.")
@name_option
def nic(node: str, change: str, uplink: bool, name: str) -> None:
    """Add a second network interface, eth1, to a node, or remove it."""
    if uplink and change == "remove":
        raise UsageError("--uplink requires `add`", hint=f"edgeadm sandbox nic {node} add --uplink")
    _sandbox(name).second_card(node, "" if change == "remove" else "uplink" if uplink else "card")


@command.command()
@click.argument("node")
@click.argument("state", type=click.Choice(["on", "off", "kill", "cycle"]))
@click.option(
    "--kill", "cut", cls=pflag.Switch, help="With `cycle`: a power cut instead of a clean shutdown."
)
@name_option
def power(node: str, state: str, cut: bool, name: str) -> None:
    """Power a node on or off; `kill` is a power cut, `cycle` is off and on. Its disk is kept."""
    sandbox = _sandbox(name)
    if cut and state != "cycle":
        raise UsageError("--kill requires `cycle`", hint=f"edgeadm sandbox power {node} kill")
    sandbox.power(node, "kill" if cut or state == "kill" else "on" if state == "on" else "off")
    if state == "cycle":
        sandbox.power(node, "on")


@command.command()
@click.argument("node")
@click.option(
    "--back", cls=pflag.Switch, help="Turn it back into the container that it was; its disk is deleted."
)
@click.option(
    "--clock", metavar="DATE", help="Time (UTC) at which each boot starts, for example 1970-01-01; or `now`."
)
@click.option(
    "--cache",
    type=click.Choice(["writeback", "none"]),
    help="Write the disk through the host's page cache, or bypass it. [default: writeback]",
)
@click.option(
    "--kernel", type=click.Choice(["cloud", "generic"]), help="Flavour of Debian's kernel. [default: cloud]"
)
@click.option(
    "--accel",
    type=click.Choice(["auto", "kvm", "tcg"]),
    help="`tcg` is emulation; `auto` is KVM if a stock kernel boots with it. [default: auto]",
)
@click.option("--memory", type=click.IntRange(512), metavar="MIB", help="Memory. [default: 2560]")
@click.option("--cpus", type=click.IntRange(1, 64), metavar="N", help="Processors. [default: 2]")
@name_option
@options.output
def vm(
    node: str,
    back: bool,
    clock: str | None,
    cache: str | None,
    kernel: str | None,
    accel: str | None,
    memory: int | None,
    cpus: int | None,
    name: str,
    output: str,
) -> None:
    """Turn a node into a virtual machine with Debian's kernel and a copy of its disk, or change its settings.

    A running node is shut down first and powered on again.
    """
    sandbox = _sandbox(name)
    from edgeadm.sandbox import machine, supplies

    given = (clock, cache, kernel, accel, memory, cpus)
    if back and any(each is not None for each in given):
        raise UsageError("--back takes no other option", hint=f"edgeadm sandbox vm {node} --back")
    if back:
        machine.back(sandbox, node, console.talk)
    else:
        wanted = machine.Wanted(kernel, accel, cache, clock, memory, cpus)
        machine.settings(wanted)
        sandbox.node(node)
        supplies.ensure_vm_tools(console.talk)
        machine.become(sandbox, node, wanted, console.talk)
    show([sandbox.node(node).status()], output)


@command.command()
@click.option("--all", "everything", cls=pflag.Switch, help="All sandboxes of this host.")
@click.option("--images", cls=pflag.Switch, help="Remove the cached root images, too.")
@name_option
def down(everything: bool, images: bool, name: str) -> None:
    """Delete the sandbox with all its processes, mounts, namespaces, links, rules and cgroups."""
    sandbox = _sandbox(name)
    from edgeadm.sandbox import teardown

    if everything:
        teardown.down_all(sandbox.store, console.talk)
    else:
        teardown.down(sandbox, console.talk)
    if images:
        teardown.remove_images(sandbox.store)


@command.command()
@click.argument("state")
@name_option
def save(state: str, name: str) -> None:
    """Save the disks of all nodes under a name: nodes shut down, and those that ran start again."""
    sandbox = _sandbox(name)
    from edgeadm.sandbox import saved

    saved.save(sandbox, state, console.talk)


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
@options.output
def restore(state: str, package: str | None, detached: bool, name: str, output: str) -> None:
    """Restore a saved state: the nodes are powered off and boot from copies of the saved disks."""
    sandbox = _sandbox(name)
    from edgeadm.sandbox import saved, supplies

    supplies.ensure_tools(console.talk)
    saved.restore(
        sandbox,
        state,
        executable=supplies.executable(console.talk),
        package=supplies.package(package, console.talk) if package else None,
        detached=detached or None,
        say=console.talk,
    )
    show(sandbox.ls(), output)


@command.command("saved")
@click.option(
    "--delete", "unwanted", metavar="STATE", multiple=True, help="Delete this saved state; repeatable."
)
@options.output
def list_saved(unwanted: tuple[str, ...], output: str) -> None:
    """List the saved states: name, subnet, nodes, size, saved; or delete some."""
    store = _sandbox("demo").store
    from edgeadm.sandbox import saved

    for state in unwanted:
        saved.delete(store, state)
    show_saved(saved.every(store), output)


def _sandbox(name: str) -> Sandbox:
    from edgeadm.sandbox import Sandbox
    from edgeadm.sandbox.names import check_sandbox_name

    check_sandbox_name(name)
    if os.geteuid() != 0:
        raise NotRootError(
            "a sandbox boots nodes in their own namespaces, which requires root",
            hint="sudo edgeadm sandbox …",
        )
    return Sandbox(name)


pflag.pair(up, down)
