"""`edgeadm sandbox`: the nodes of an edge cluster on one Linux host."""

from __future__ import annotations

from pathlib import Path

import click

from edgeadm.cli import console, options, pflag, sandbox_network, sandbox_saved
from edgeadm.cli.sandbox_group import command, detached_option, name_option, open_sandbox, show_change
from edgeadm.cli.sandbox_tables import show
from edgeadm.errors import UsageError

# These modules add their commands to the group.
__all__ = ["command", "sandbox_network", "sandbox_saved"]


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
@options.output_events
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
    sandbox = open_sandbox(name)
    from edgeadm.sandbox import Kind, supplies

    supplies.ensure_tools(console.say, dhcp=dhcp)
    sandbox.up(
        control_planes,
        workers,
        edges,
        package=supplies.package(package, console.say),
        executable=supplies.executable(console.say),
        kind=Kind(image or "", bare, dhcp, second_card),
        detached=detached,
        say=console.say,
    )
    show(sandbox.ls(), output)


@command.command("ls")
@name_option
@options.output
def list_nodes(name: str, output: str) -> None:
    """List the nodes: name, ip, role, state, link, line, nat, ready, vm."""
    show(open_sandbox(name).ls(), output)


@command.command("exec")
@click.argument("node")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@name_option
def execute(node: str, argv: tuple[str, ...], name: str) -> int:
    """Run a command in a node, even if its link is down; streams and exit status are passed through.

    On a control plane, KUBECONFIG is /etc/kubernetes/admin.conf."""
    return open_sandbox(name).node(node).attach(argv)


@command.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="NODE:PATH")
@name_option
@options.output_events
def cp(source: str, target: str, name: str, output: str) -> None:
    """Copy a file or directory into a node, or a file out of it (NODE:PATH FILE)."""
    sandbox = open_sandbox(name)
    node, colon, path = target.partition(":")
    if colon:
        if not Path(source).exists():
            raise UsageError(f"there is no {source} on this host")
        sandbox.node(node).send(Path(source), path or "/root")
    else:
        node, colon, path = source.partition(":")
        if not colon:
            raise UsageError("neither path names a node", hint="edgeadm sandbox cp FILE cp1:/root/")
        sandbox.node(node).fetch(path, Path(target))
    show_change(output, name, source=source, target=target)


@command.command()
@click.argument("node")
@click.argument("state", type=click.Choice(["on", "off", "kill", "cycle"]))
@click.option(
    "--kill", "cut", cls=pflag.Switch, help="With `cycle`: a power cut instead of a clean shutdown."
)
@name_option
@options.output_events
def power(node: str, state: str, cut: bool, name: str, output: str) -> None:
    """Power a node on or off; `kill` is a power cut, `cycle` is off and on. Its disk is kept."""
    sandbox = open_sandbox(name)
    if cut and state != "cycle":
        raise UsageError("--kill requires `cycle`", hint=f"edgeadm sandbox power {node} kill")
    sandbox.power(node, "kill" if cut or state == "kill" else "on" if state == "on" else "off")
    if state == "cycle":
        sandbox.power(node, "on")
    show_change(output, name, node=node, power=state)


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
@options.output_events
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
    sandbox = open_sandbox(name)
    from edgeadm.sandbox import machine, supplies

    given = (clock, cache, kernel, accel, memory, cpus)
    if back and any(each is not None for each in given):
        raise UsageError("--back takes no other option", hint=f"edgeadm sandbox vm {node} --back")
    if back:
        machine.back(sandbox, node, console.say)
    else:
        wanted = machine.Wanted(kernel, accel, cache, clock, memory, cpus)
        machine.settings(wanted)
        sandbox.node(node)
        supplies.ensure_vm_tools(console.say)
        machine.become(sandbox, node, wanted, console.say)
    show([sandbox.node(node).status()], output)


@command.command()
@click.option("--all", "everything", cls=pflag.Switch, help="All sandboxes of this host.")
@click.option("--images", cls=pflag.Switch, help="Remove the cached root images, too.")
@name_option
@options.output_events
def down(everything: bool, images: bool, name: str, output: str) -> None:
    """Delete the sandbox with all its processes, mounts, namespaces, links, rules and cgroups."""
    sandbox = open_sandbox(name)
    from edgeadm.sandbox import teardown

    deleted = sandbox.store.known() if everything else [name]
    if everything:
        teardown.down_all(sandbox.store, console.say)
    else:
        teardown.down(sandbox, console.say)
    if images:
        teardown.remove_images(sandbox.store)
    show_change(output, name, deleted=deleted)


pflag.pair(up, down)
